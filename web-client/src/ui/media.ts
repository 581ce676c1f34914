import { onScopeDispose, readonly, ref, type DeepReadonly, type Ref } from 'vue'

export function useMedia(query: string): DeepReadonly<Ref<boolean>> {
  const list = matchMedia(query)
  const matches = ref(list.matches)
  const update = (): void => {
    matches.value = list.matches
  }
  list.addEventListener('change', update)
  onScopeDispose(() => {
    list.removeEventListener('change', update)
  })
  return readonly(matches)
}

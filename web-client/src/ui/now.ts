import { onScopeDispose, readonly, ref, type DeepReadonly, type Ref } from 'vue'

/** A clock that moves once a second while somebody looks. */
export function useNow(read: () => number): DeepReadonly<Ref<number>> {
  const now = ref(read())
  const timer = setInterval(() => {
    if (!document.hidden) now.value = read()
  }, 1000)
  const onShown = (): void => {
    now.value = read()
  }
  document.addEventListener('visibilitychange', onShown)
  onScopeDispose(() => {
    clearInterval(timer)
    document.removeEventListener('visibilitychange', onShown)
  })
  return readonly(now)
}

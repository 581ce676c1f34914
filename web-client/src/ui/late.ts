import { onScopeDispose, readonly, ref, watch, type DeepReadonly, type Ref } from 'vue'

/** True once `waiting` has lasted 200 ms: what comes sooner needs no sign of waiting. */
export function useLate(waiting: () => boolean, after = 200): DeepReadonly<Ref<boolean>> {
  const late = ref(false)
  let timer: ReturnType<typeof setTimeout> | undefined
  watch(
    waiting,
    (is) => {
      clearTimeout(timer)
      late.value = false
      if (is)
        timer = setTimeout(() => {
          late.value = true
        }, after)
    },
    { immediate: true },
  )
  onScopeDispose(() => {
    clearTimeout(timer)
  })
  return readonly(late)
}

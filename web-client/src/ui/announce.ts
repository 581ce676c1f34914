import { readonly, ref } from 'vue'

/** The one polite live region. What comes in quick succession is said once, the latest of each kind. */

const QUIET_MS = 1500
const said = ref('')
const waiting = new Map<string, string>()
let timer: ReturnType<typeof setTimeout> | undefined

export const announcement = readonly(said)

export function announce(kind: string, text: string): void {
  waiting.set(kind, text)
  timer ??= setTimeout(() => {
    said.value = [...waiting.values()].join(' ')
    waiting.clear()
    timer = undefined
  }, QUIET_MS)
}

import { useQuery, type UseQueryReturnType } from '@tanstack/vue-query'
import { readonly, ref, type Ref } from 'vue'
import { pause } from '@/api/connection'
import { Problem, SessionEnded } from '@/api/problem'

/**
 * The one way in which a screen reads what moves: asked again and again while somebody looks, slower and slower while nobody
 * answers, and what was last known stays on the screen.
 */

const STEADY_MS = 2000
const FORBIDDEN_PAUSE_MS = 60_000

const lastRead = ref<number | null>(null)
const nextTry = ref<number | null>(null)

/** For the state bar: when something was last read, and when it is tried again after it could not be. */
export const reading = { lastRead: readonly(lastRead), nextTry: readonly(nextTry) }

/** Another person's figures are not this person's last figures. */
export function forgetReading(): void {
  lastRead.value = null
  nextTry.value = null
}

function pauseAfter(error: unknown, failures: number): number {
  if (error instanceof Problem && error.status === 403) return FORBIDDEN_PAUSE_MS
  const asked = error instanceof Problem ? (error.retryAfterSeconds ?? 0) * 1000 : 0
  return Math.max(asked, pause(failures, STEADY_MS))
}

export interface Polling<T> {
  key: readonly (string | Ref<unknown>)[]
  read: (signal: AbortSignal) => Promise<T>
  /** Between two looks while all is well. */
  steadyMs?: number
  enabled?: () => boolean
  /** While the key changes: the figures of the former key, rather than none. */
  keep?: boolean
}

export function usePolled<T>(polling: Polling<T>): UseQueryReturnType<T, Error> {
  const steady = polling.steadyMs ?? STEADY_MS
  let failures = 0
  let wait = steady

  return useQuery<T>({
    queryKey: polling.key,
    queryFn: async ({ signal }) => {
      try {
        const answer = await polling.read(signal)
        failures = 0
        wait = steady
        lastRead.value = Date.now()
        nextTry.value = null
        return answer
      } catch (error) {
        if (!signal.aborted && !(error instanceof SessionEnded)) {
          failures += 1
          wait = pauseAfter(error, failures)
          nextTry.value = Date.now() + wait
        }
        throw error
      }
    },
    refetchInterval: () => wait,
    ...(polling.enabled ? { enabled: polling.enabled } : {}),
    ...(polling.keep ? { placeholderData: (former: T | undefined) => former } : {}),
  } as Parameters<typeof useQuery<T>>[0])
}

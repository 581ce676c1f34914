import { readonly, ref, type DeepReadonly, type Ref } from 'vue'

/** What is known about the server at the other end: whether it answers, since when not, and what its clock says. */

export interface Connection {
  /** `null` while it answers; otherwise the local time of the first call without an answer. */
  awaySince: DeepReadonly<Ref<number | null>>
  /** Calls without an answer since the last one with. */
  misses: DeepReadonly<Ref<number>>
  answered: (dateHeader: string | null, roundTripMs: number) => void
  missed: () => void
  /** The server's time, as well as its `Date` headers tell. */
  now: () => number
}

/** A `Date` header tells whole seconds, so less than this is no offset at all. */
const NOISE_MS = 1500

export function createConnection(localNow: () => number): Connection {
  const awaySince = ref<number | null>(null)
  const misses = ref(0)
  let offset = 0

  return {
    awaySince: readonly(awaySince),
    misses: readonly(misses),
    answered(dateHeader, roundTripMs) {
      awaySince.value = null
      misses.value = 0
      const date = dateHeader === null ? NaN : Date.parse(dateHeader)
      if (Number.isNaN(date)) return
      // The header was cut to the second: its middle is the best guess.
      const measured = date + 500 + roundTripMs / 2 - localNow()
      if (Math.abs(measured - offset) > NOISE_MS) offset = Math.abs(measured) > NOISE_MS ? measured : 0
    },
    missed() {
      awaySince.value ??= localNow()
      misses.value += 1
    },
    now: () => localNow() + offset,
  }
}

/** How long to wait before the next look: 2 s while it answers, then longer and longer, up to half a minute. */
export function pause(misses: number, steady = 2000, random: () => number = Math.random): number {
  if (misses === 0) return steady
  const longest = Math.min(30_000, steady * 2 ** Math.min(misses, 10))
  // Half of it is left to chance, so that a hundred screens do not come back in the same instant.
  return longest / 2 + (longest / 2) * random()
}

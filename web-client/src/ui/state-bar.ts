import { onScopeDispose, readonly, shallowRef, watchEffect } from 'vue'

/** What the page at hand adds to the state bar, the one place for state. */

export type Tone = 'good' | 'waiting' | 'attention' | 'plain'

export interface BarFact {
  id: string
  text: string
  tone: Tone
  icon?: 'up' | 'down'
  /** Left out where the bar is narrow. */
  minor?: boolean
}

const facts = shallowRef<readonly BarFact[]>([])

export const barFacts = readonly(facts)

export function useBarFacts(read: () => readonly BarFact[]): void {
  watchEffect(() => {
    facts.value = read()
  })
  onScopeDispose(() => {
    facts.value = []
  })
}

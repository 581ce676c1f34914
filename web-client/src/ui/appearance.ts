import { ref, watch, type Ref } from 'vue'

/** Light, dark, or as the system says. `public/appearance.js` does the first paint. */

export type Appearance = 'system' | 'light' | 'dark'

const KEY = 'tradepost.appearance'
const systemIsDark = matchMedia('(prefers-color-scheme: dark)')

function kept(): Appearance {
  try {
    const value = localStorage.getItem(KEY)
    return value === 'light' || value === 'dark' ? value : 'system'
  } catch {
    return 'system'
  }
}

export const appearance: Ref<Appearance> = ref(kept())
/** What is on the screen now: for what draws on a canvas and cannot use the style sheet's variables. */
export const theme: Ref<'light' | 'dark'> = ref('light')

function apply(): void {
  const dark = appearance.value === 'dark' || (appearance.value === 'system' && systemIsDark.matches)
  theme.value = dark ? 'dark' : 'light'
  document.documentElement.dataset['theme'] = theme.value
}

export function startAppearance(): void {
  systemIsDark.addEventListener('change', apply)
  watch(appearance, (chosen) => {
    try {
      if (chosen === 'system') localStorage.removeItem(KEY)
      else localStorage.setItem(KEY, chosen)
    } catch {
      // Kept for this page only.
    }
    apply()
  })
  apply()
}

import { createI18n } from 'vue-i18n'
import { en, type Messages } from './en'
import { es } from './es'

export type Language = 'en' | 'es'

export const LANGUAGES: readonly { code: Language; name: string }[] = [
  { code: 'en', name: 'English' },
  { code: 'es', name: 'Español' },
]

/** How dates and numbers are written. Formats follow the language; the currency is the chain's. */
const FORMATS: Record<Language, string> = { en: 'en-GB', es: 'es-ES' }

const KEY = 'tradepost.language'

function isLanguage(value: unknown): value is Language {
  return value === 'en' || value === 'es'
}

function firstLanguage(): Language {
  try {
    const kept = localStorage.getItem(KEY)
    if (isLanguage(kept)) return kept
  } catch {
    // Not kept, then.
  }
  const wished = navigator.languages.map((tag) => tag.slice(0, 2)).find(isLanguage)
  return wished ?? 'en'
}

export const i18n = createI18n<[Messages], Language, false>({
  // eslint-disable-next-line @typescript-eslint/no-deprecated -- still `true` where it is left out, until v12
  legacy: false,
  locale: firstLanguage(),
  fallbackLocale: 'en',
  messages: { en, es },
})

document.documentElement.lang = i18n.global.locale.value

export function language(): Language {
  return i18n.global.locale.value
}

/** The BCP 47 tag for `Intl`. */
export function locale(): string {
  return FORMATS[language()]
}

export function chooseLanguage(chosen: Language): void {
  i18n.global.locale.value = chosen
  document.documentElement.lang = chosen
  try {
    localStorage.setItem(KEY, chosen)
  } catch {
    // Kept for this page only.
  }
}

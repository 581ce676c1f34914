import { readonly, ref, watch, type DeepReadonly, type Ref } from 'vue'

/**
 * Stands in for PrimeVue's `useStyle` (see the alias in `vite.config.ts`). The original appends <style> elements, which
 * `style-src 'self'` refuses; a constructed style sheet is the page's own object and needs no exception in the policy.
 */

interface Options {
  name?: string
}

interface AdoptedStyle {
  id: undefined
  name: string
  el: Ref<null>
  css: Ref<string>
  load: (css?: string) => void
  unload: () => void
  isLoaded: DeepReadonly<Ref<boolean>>
}

const sheets = new Map<string, CSSStyleSheet>()
let unnamed = 0

export function useStyle(source: string, options: Options = {}): AdoptedStyle {
  const name = options.name ?? `style-${String(++unnamed)}`
  const css = ref(source)
  const isLoaded = ref(false)
  let stop = (): void => undefined

  const load = (given?: string): void => {
    if (isLoaded.value) return
    if (given) css.value = given
    const known = sheets.get(name)
    const sheet = known ?? new CSSStyleSheet()
    if (!known) {
      sheets.set(name, sheet)
      document.adoptedStyleSheets.push(sheet)
    }
    stop = watch(
      css,
      (text) => {
        sheet.replaceSync(text)
      },
      { immediate: true, flush: 'sync' },
    )
    isLoaded.value = true
  }

  const unload = (): void => {
    const sheet = sheets.get(name)
    if (!isLoaded.value || !sheet) return
    stop()
    sheets.delete(name)
    document.adoptedStyleSheets = document.adoptedStyleSheets.filter((other) => other !== sheet)
    isLoaded.value = false
  }

  load()
  return { id: undefined, name, el: ref(null), css, load, unload, isLoaded: readonly(isLoaded) }
}

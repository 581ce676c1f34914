// Runs before the first paint, so that a dark room never sees a white flash. `src/ui/appearance.ts` takes over from here.
;(function () {
  let chosen = null
  try {
    chosen = localStorage.getItem('tradepost.appearance')
  } catch {
    // Storage is refused: the system's choice it is.
  }
  const dark = chosen === 'dark' || (chosen !== 'light' && matchMedia('(prefers-color-scheme: dark)').matches)
  document.documentElement.dataset.theme = dark ? 'dark' : 'light'
})()

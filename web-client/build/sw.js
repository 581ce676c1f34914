// Keeps the shell (page, scripts, styles, fonts), so that Tradepost opens with its server away. It never touches an answer of
// the API: whatever is not in the list goes to the network as if this file did not exist. A figure on the screen is either
// fresh or says how old it is.
const VERSION = '__VERSION__'
const SHELL = ['__SHELL__']
const CACHE = `shell-${VERSION}`

self.addEventListener('install', (event) => {
  // `reload` goes past the HTTP cache: the list and its files must be of one build.
  event.waitUntil(
    caches
      .open(CACHE)
      .then((cache) => cache.addAll(SHELL.map((path) => new Request(path, { cache: 'reload' })))),
  )
})

self.addEventListener('activate', (event) => {
  event.waitUntil(
    caches
      .keys()
      .then((names) => Promise.all(names.filter((name) => name !== CACHE).map((name) => caches.delete(name))))
      .then(() => self.clients.claim()),
  )
})

// A new build waits until the person says so: a page never gets scripts of two builds.
self.addEventListener('message', (event) => {
  if (event.data === 'take-over') self.skipWaiting()
})

self.addEventListener('fetch', (event) => {
  const { request } = event
  const url = new URL(request.url)
  if (request.method !== 'GET' || url.origin !== self.location.origin) return
  if (request.mode === 'navigate') {
    if (/^\/(api|sync|health|metrics)(\/|$)/.test(url.pathname)) return
    event.respondWith(page())
    return
  }
  if (SHELL.includes(url.pathname)) event.respondWith(kept(request))
})

// The page of this build with the scripts of this build; the network only where the cache was cleared by hand.
async function page() {
  const cache = await caches.open(CACHE)
  return (await cache.match('/')) ?? fetch('/')
}

async function kept(request) {
  const cache = await caches.open(CACHE)
  return (await cache.match(request, { ignoreSearch: true })) ?? fetch(request)
}

import { readonly, ref } from 'vue'

/** The service worker keeps the shell; a new build waits until the person takes it, so that no work is lost to a reload. */

const waiting = ref<ServiceWorker | null>(null)
export const newVersion = readonly(waiting)

export function followVersions(): void {
  if (!import.meta.env.PROD || !('serviceWorker' in navigator)) return
  const hadOne = navigator.serviceWorker.controller !== null
  let reloading = false
  navigator.serviceWorker.addEventListener('controllerchange', () => {
    // The first worker of a page takes over quietly.
    if (!hadOne || reloading) return
    reloading = true
    location.reload()
  })
  addEventListener('load', () => {
    navigator.serviceWorker
      .register('/sw.js')
      .then((registration) => {
        const look = (): void => {
          if (registration.waiting && navigator.serviceWorker.controller) waiting.value = registration.waiting
        }
        look()
        registration.addEventListener('updatefound', () => {
          registration.installing?.addEventListener('statechange', look)
        })
        setInterval(() => void registration.update().catch(() => undefined), 3_600_000)
      })
      // Refused (no secure context, private window): the desk works, it only does not open without a server.
      .catch(() => undefined)
  })
}

export function takeNewVersion(): void {
  waiting.value?.postMessage('take-over')
}

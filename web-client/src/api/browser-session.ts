import type { Session, SessionStore } from './session-keeper'

/** The browser's side of the session keeper: `localStorage`, its events, and Web Locks. */

const KEY = 'tradepost.session'

function isSession(value: unknown): value is Session {
  if (typeof value !== 'object' || value === null) return false
  const { access_token, refresh_token, user } = value as Record<string, unknown>
  return (
    typeof access_token === 'string' &&
    typeof refresh_token === 'string' &&
    typeof user === 'object' &&
    user !== null
  )
}

export function browserSessionStore(): SessionStore {
  // Where storage is refused (private windows, policies), the sign-in lasts as long as the page.
  let inMemory: Session | null = null
  return {
    read() {
      try {
        const raw = localStorage.getItem(KEY)
        if (raw === null) return inMemory
        const parsed: unknown = JSON.parse(raw)
        return isSession(parsed) ? parsed : null
      } catch {
        return inMemory
      }
    },
    write(session) {
      inMemory = null
      try {
        if (session) localStorage.setItem(KEY, JSON.stringify(session))
        else localStorage.removeItem(KEY)
      } catch {
        inMemory = session
      }
    },
    onForeignChange(listener) {
      addEventListener('storage', (event) => {
        if (event.key === KEY || event.key === null) listener()
      })
    },
  }
}

/** Web Locks exist in secure contexts only; without them one tab at a time is the best that can be had. */
export async function aloneAmongTabs<T>(work: () => Promise<T>): Promise<T> {
  const locks = navigator.locks as LockManager | undefined
  if (!locks) return await work()
  return await locks.request('tradepost.session', work)
}

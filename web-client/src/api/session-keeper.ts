import type { components } from './generated/hq'
import { Problem, SessionEnded } from './problem'

/**
 * Keeps the tokens of one sign-in, which all tabs share. A refresh token is good for one use, and a second use ends the whole
 * sign-in; so whoever renews does it under a lock and looks first whether another tab has done it meanwhile.
 */

type Schemas = components['schemas']

/** What a screen may know of who is signed in; both servers tell it in the same words. */
export type User = Pick<Schemas['User'], 'id' | 'login' | 'name' | 'permissions'>

export type Session = Pick<Schemas['SignedInAnswer'], 'access_token' | 'refresh_token'> & { user: User }

/** Where the session lies between page loads. */
export interface SessionStore {
  read: () => Session | null
  write: (session: Session | null) => void
  /** Calls back when another tab wrote. */
  onForeignChange: (listener: () => void) => void
}

export interface SessionKeeperParts {
  store: SessionStore
  /** Runs its argument while no other tab runs theirs. */
  alone: <T>(work: () => Promise<T>) => Promise<T>
  /** One call of `POST /auth/refresh`. */
  refresh: (refreshToken: string) => Promise<Session>
}

export interface SessionKeeper {
  current: () => Session | null
  /** A session that is newer than the one whose access token was refused. */
  renew: (refusedAccessToken: string) => Promise<Session>
  begin: (session: Session) => void
  end: () => void
  onChange: (listener: (session: Session | null) => void) => void
}

/** The server has said that this refresh token is worth nothing; anything else may pass. */
function isFinal(error: unknown): boolean {
  return error instanceof Problem && [400, 401, 403, 422].includes(error.status)
}

export function createSessionKeeper({ store, alone, refresh }: SessionKeeperParts): SessionKeeper {
  const listeners: ((session: Session | null) => void)[] = []
  let renewing: Promise<Session> | null = null

  const tell = (): void => {
    const session = store.read()
    for (const listener of listeners) listener(session)
  }
  const write = (session: Session | null): void => {
    store.write(session)
    tell()
  }
  store.onForeignChange(tell)

  async function renewAlone(refusedAccessToken: string): Promise<Session> {
    const held = store.read()
    if (!held) throw new SessionEnded()
    if (held.access_token !== refusedAccessToken) return held
    try {
      const fresh = await refresh(held.refresh_token)
      // Signed out while the answer was on its way: signed out it stays.
      if (store.read()?.refresh_token !== held.refresh_token) throw new SessionEnded()
      write(fresh)
      return fresh
    } catch (error) {
      if (!isFinal(error)) throw error
      if (store.read()?.refresh_token === held.refresh_token) write(null)
      throw new SessionEnded()
    }
  }

  return {
    current: () => store.read(),
    renew(refusedAccessToken) {
      renewing ??= alone(() => renewAlone(refusedAccessToken)).finally(() => {
        renewing = null
      })
      return renewing
    },
    begin: write,
    end: () => {
      write(null)
    },
    onChange(listener) {
      listeners.push(listener)
    },
  }
}

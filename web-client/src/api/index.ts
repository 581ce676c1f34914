import { createConnection, type Connection } from './connection'
import { aloneAmongTabs, browserSessionStore } from './browser-session'
import { createSend, createSignedSend, type Call, type Send } from './http'
import { createSessionKeeper, type Session, type SessionKeeper } from './session-keeper'

/** What the rest of the client knows of its server. One per page, made in `main.ts`. */
export interface Api {
  connection: Connection
  keeper: SessionKeeper
  /** As the person who is signed in. */
  signed: (call: Call) => Promise<unknown>
  signIn: (login: string, password: string) => Promise<void>
  signOut: () => Promise<void>
}

export function createApi(baseUrl: string, language: () => string): Api {
  const now = (): number => Date.now()
  const connection = createConnection(now)
  const send: Send = createSend({ baseUrl, connection, language, fetch: (...given) => fetch(...given), now })
  const keeper = createSessionKeeper({
    store: browserSessionStore(),
    alone: aloneAmongTabs,
    refresh: async (refreshToken) =>
      (await send({
        method: 'POST',
        path: '/api/v1/auth/refresh',
        body: { refresh_token: refreshToken },
      })) as Session,
  })
  return {
    connection,
    keeper,
    signed: createSignedSend(send, keeper),
    async signIn(login, password) {
      keeper.begin(
        (await send({ method: 'POST', path: '/api/v1/auth/sign-in', body: { login, password } })) as Session,
      )
    },
    async signOut() {
      const session = keeper.current()
      // Here it ends at once and in any case; the server is told if it can be reached.
      keeper.end()
      if (!session) return
      try {
        await send(
          { method: 'POST', path: '/api/v1/auth/sign-out', body: { refresh_token: session.refresh_token } },
          session.access_token,
        )
      } catch {
        // The refresh token runs out by itself.
      }
    },
  }
}

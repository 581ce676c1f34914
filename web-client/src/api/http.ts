import type { Connection } from './connection'
import { problemFrom, ServerAway, SessionEnded } from './problem'
import type { Session, SessionKeeper } from './session-keeper'

/** One place for `fetch`: address, language, deadline, refusals, and a second try with a renewed token. */

export interface HttpParts {
  baseUrl: string
  connection: Connection
  language: () => string
  fetch: typeof fetch
  now: () => number
  timeoutMs?: number
}

export interface Call {
  method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE'
  path: string
  query?: Record<string, string | number | undefined>
  body?: unknown
  signal?: AbortSignal | undefined
}

export type Send = (call: Call, accessToken?: string) => Promise<unknown>

function address(baseUrl: string, { path, query }: Call): string {
  const search = new URLSearchParams()
  for (const [key, value] of Object.entries(query ?? {})) {
    if (value !== undefined) search.set(key, String(value))
  }
  const text = search.toString()
  return `${baseUrl}${path}${text === '' ? '' : `?${text}`}`
}

export function createSend(parts: HttpParts): Send {
  const { baseUrl, connection, language, now, timeoutMs = 10_000 } = parts
  return async (call, accessToken) => {
    const headers = new Headers({ accept: 'application/json', 'accept-language': language() })
    if (accessToken !== undefined) headers.set('authorization', `Bearer ${accessToken}`)
    const init: RequestInit = { method: call.method, headers, cache: 'no-store', credentials: 'omit' }
    if (call.body !== undefined) {
      headers.set('content-type', 'application/json')
      init.body = JSON.stringify(call.body)
    }
    const deadline = AbortSignal.timeout(timeoutMs)
    init.signal = call.signal ? AbortSignal.any([call.signal, deadline]) : deadline

    const started = now()
    try {
      const response = await parts.fetch(address(baseUrl, call), init)
      const isProblem = response.headers.get('content-type')?.includes('problem+json') ?? false
      // A gateway that speaks for a silent server is no answer of the server.
      if ([502, 503, 504].includes(response.status) && !isProblem) throw new ServerAway()
      const answer: unknown = !response.ok
        ? await problemFrom(response, now())
        : response.status === 204
          ? null
          : await response.json()
      connection.answered(response.headers.get('date'), now() - started)
      if (!response.ok) throw answer as Error
      return answer
    } catch (error) {
      if (call.signal?.aborted) throw error
      if (
        error instanceof ServerAway ||
        error instanceof TypeError ||
        error instanceof DOMException ||
        error instanceof SyntaxError
      ) {
        connection.missed()
        throw error instanceof ServerAway ? error : new ServerAway(error.message)
      }
      throw error
    }
  }
}

/** Sends as the person who is signed in. */
export function createSignedSend(send: Send, keeper: SessionKeeper): (call: Call) => Promise<unknown> {
  return async (call) => {
    const session: Session | null = keeper.current()
    if (!session) throw new SessionEnded()
    try {
      return await send(call, session.access_token)
    } catch (error) {
      if (!isUnauthorised(error)) throw error
      const fresh = await keeper.renew(session.access_token)
      try {
        return await send(call, fresh.access_token)
      } catch (again) {
        // Fresh, and refused all the same: this person may not come in any more.
        if (!isUnauthorised(again)) throw again
        if (keeper.current()?.access_token === fresh.access_token) keeper.end()
        throw new SessionEnded()
      }
    }
  }
}

function isUnauthorised(error: unknown): boolean {
  return error instanceof Error && 'status' in error && error.status === 401
}

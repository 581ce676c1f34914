import { describe, expect, it, vi } from 'vitest'
import { createConnection, pause, type Connection } from './connection'
import { createSend, createSignedSend } from './http'
import { Problem, retryAfter, ServerAway, SessionEnded } from './problem'
import { createSessionKeeper, type Session, type SessionKeeper } from './session-keeper'

const NOW = Date.parse('2026-11-25T10:00:00Z')
const user = { id: '1', login: 'hq@demo', name: 'Helen', permissions: [] }

function json(status: number, body: unknown, headers: Record<string, string> = {}): Response {
  const type = status < 400 ? 'application/json' : 'application/problem+json'
  return new Response(JSON.stringify(body), { status, headers: { 'content-type': type, ...headers } })
}

function world(answers: (() => Response | Promise<Response>)[]): {
  send: ReturnType<typeof createSend>
  connection: Connection
  fetched: ReturnType<typeof vi.fn<typeof fetch>>
} {
  const connection = createConnection(() => NOW)
  const fetched = vi.fn<typeof fetch>(async () => {
    const answer = answers.shift()
    if (!answer) throw new Error('asked too often')
    return await answer()
  })
  const send = createSend({ baseUrl: '', connection, language: () => 'es', fetch: fetched, now: () => NOW })
  return { send, connection, fetched }
}

function keeperOf(first: Session, refresh: (token: string) => Promise<Session>): SessionKeeper {
  let held: Session | null = first
  return createSessionKeeper({
    store: {
      read: () => held,
      write: (next) => {
        held = next
      },
      onForeignChange: () => undefined,
    },
    alone: (work) => work(),
    refresh,
  })
}

describe('a call', () => {
  it('asks in the person’s language and never takes a kept answer', async () => {
    const { send, fetched } = world([() => json(200, { items: [] })])
    await send({ method: 'GET', path: '/api/v1/things', query: { q: 'a b', none: undefined } }, 'token')
    const [url, init] = fetched.mock.calls[0] ?? []
    expect(url).toBe('/api/v1/things?q=a+b')
    expect(init?.cache).toBe('no-store')
    const headers = new Headers(init?.headers)
    expect(headers.get('accept-language')).toBe('es')
    expect(headers.get('authorization')).toBe('Bearer token')
  })

  it('that is refused becomes a problem with the request’s number', async () => {
    const { send } = world([
      () => json(422, { title: 'no', detail: 'Too long', request_id: 'r-1', errors: [{ pointer: '/name' }] }),
    ])
    const error = await send({ method: 'GET', path: '/' }).catch((caught: unknown) => caught)
    expect(error).toBeInstanceOf(Problem)
    expect(error).toMatchObject({ status: 422, detail: 'Too long', requestId: 'r-1' })
  })

  it('that a proxy refuses with a page of its own is a problem too', async () => {
    const { send } = world([() => new Response('<html>', { status: 413 })])
    await expect(send({ method: 'GET', path: '/' })).rejects.toMatchObject({ status: 413, title: 'HTTP 413' })
  })

  it('without an answer says that the server is away, and since when', async () => {
    const { send, connection } = world([
      () => Promise.reject(new TypeError('Failed to fetch')),
      () => new Response('bad gateway', { status: 502 }),
      () => json(200, {}),
    ])
    await expect(send({ method: 'GET', path: '/' })).rejects.toBeInstanceOf(ServerAway)
    await expect(send({ method: 'GET', path: '/' })).rejects.toBeInstanceOf(ServerAway)
    expect(connection.awaySince.value).toBe(NOW)
    expect(connection.misses.value).toBe(2)
    await send({ method: 'GET', path: '/' })
    expect(connection.awaySince.value).toBeNull()
  })

  it('whose answer breaks off is no answer', async () => {
    const { send, connection } = world([
      () => new Response('{"items": [', { status: 200, headers: { 'content-type': 'application/json' } }),
    ])
    await expect(send({ method: 'GET', path: '/' })).rejects.toBeInstanceOf(ServerAway)
    expect(connection.misses.value).toBe(1)
  })

  it('that a busy server puts off is not the line’s fault', async () => {
    const { send, connection } = world([() => json(503, { title: 'busy' }, { 'retry-after': '7' })])
    await expect(send({ method: 'GET', path: '/' })).rejects.toMatchObject({
      status: 503,
      retryAfterSeconds: 7,
    })
    expect(connection.awaySince.value).toBeNull()
  })
})

describe('a signed call', () => {
  const old: Session = { access_token: 'old', refresh_token: 'r1', user }
  const fresh: Session = { access_token: 'new', refresh_token: 'r2', user }

  it('is sent again with a renewed token', async () => {
    const { send, fetched } = world([() => json(401, {}), () => json(200, { ok: true })])
    const signed = createSignedSend(
      send,
      keeperOf(old, () => Promise.resolve(fresh)),
    )
    await expect(signed({ method: 'GET', path: '/' })).resolves.toEqual({ ok: true })
    const second = new Headers(fetched.mock.calls[1]?.[1]?.headers)
    expect(second.get('authorization')).toBe('Bearer new')
  })

  it('that a fresh token does not help ends the session, once', async () => {
    const { send } = world([() => json(401, {}), () => json(401, {})])
    const keeper = keeperOf(old, () => Promise.resolve(fresh))
    await expect(createSignedSend(send, keeper)({ method: 'GET', path: '/' })).rejects.toBeInstanceOf(
      SessionEnded,
    )
    expect(keeper.current()).toBeNull()
  })

  it('that may not be made is refused without a renewal', async () => {
    const { send } = world([() => json(403, {})])
    const refresh = vi.fn(() => Promise.resolve(fresh))
    const signed = createSignedSend(send, keeperOf(old, refresh))
    await expect(signed({ method: 'GET', path: '/' })).rejects.toMatchObject({ status: 403 })
    expect(refresh).not.toHaveBeenCalled()
  })
})

describe('the clock', () => {
  it('of a device that is wrong is set right by the server’s', () => {
    const connection = createConnection(() => NOW)
    connection.answered('Wed, 25 Nov 2026 12:30:00 GMT', 40)
    expect(Math.abs(connection.now() - Date.parse('2026-11-25T12:30:00Z'))).toBeLessThan(1500)
  })

  it('of a device that is right is left alone', () => {
    const connection = createConnection(() => NOW)
    connection.answered('Wed, 25 Nov 2026 10:00:00 GMT', 40)
    expect(connection.now()).toBe(NOW)
  })
})

describe('the pause before the next look', () => {
  it('grows while nobody answers, and ends at half a minute', () => {
    const longest = [0, 1, 2, 3, 9, 1000].map((misses) => pause(misses, 2000, () => 1))
    expect(longest).toEqual([2000, 4000, 8000, 16_000, 30_000, 30_000])
  })

  it('differs from screen to screen', () => {
    expect(pause(3, 2000, () => 0)).toBe(8000)
    expect(pause(3, 2000, () => 0.5)).toBe(12_000)
  })
})

describe('Retry-After', () => {
  it('may be seconds or a date', () => {
    expect(retryAfter('120', NOW)).toBe(120)
    expect(retryAfter('Wed, 25 Nov 2026 10:01:30 GMT', NOW)).toBe(90)
    expect(retryAfter('soon', NOW)).toBeNull()
    expect(retryAfter(null, NOW)).toBeNull()
  })
})

import { beforeEach, describe, expect, it, vi } from 'vitest'
import { Problem, ServerAway, SessionEnded } from './problem'
import { createSessionKeeper, type Session, type SessionKeeper, type SessionStore } from './session-keeper'

const user = { id: '1', login: 'hq@demo', name: 'Helen', permissions: [] }

function session(generation: number): Session {
  return {
    access_token: `access-${String(generation)}`,
    refresh_token: `refresh-${String(generation)}`,
    user,
  }
}

function refused(status: number): Problem {
  return new Problem(status, 'about:blank', 'refused', null, [], null, null)
}

/** One browser: its tabs share what is stored and take turns. */
function browser(): { store: SessionStore; alone: <T>(work: () => Promise<T>) => Promise<T> } {
  let held: Session | null = null
  let queue: Promise<unknown> = Promise.resolve()
  return {
    store: {
      read: () => held,
      write: (next) => {
        held = next
      },
      onForeignChange: () => undefined,
    },
    alone: (work) => {
      const turn = queue.then(work, work)
      queue = turn.catch(() => undefined)
      return turn
    },
  }
}

describe('the session keeper', () => {
  let shared: ReturnType<typeof browser>
  let refresh: ReturnType<typeof vi.fn<(token: string) => Promise<Session>>>
  let keeper: SessionKeeper

  beforeEach(() => {
    shared = browser()
    let generation = 1
    refresh = vi.fn((token: string) => {
      // As the server does: a refresh token is good once.
      if (token !== `refresh-${String(generation)}`) return Promise.reject(refused(401))
      generation += 1
      return Promise.resolve(session(generation))
    })
    keeper = createSessionKeeper({ ...shared, refresh })
    keeper.begin(session(1))
  })

  it('renews once for any number of calls that were refused at the same time', async () => {
    const renewed = await Promise.all([1, 2, 3].map(() => keeper.renew('access-1')))
    expect(refresh).toHaveBeenCalledTimes(1)
    expect(renewed.map((given) => given.access_token)).toEqual(['access-2', 'access-2', 'access-2'])
  })

  it('takes what another tab has renewed instead of using the old refresh token again', async () => {
    const otherTab = createSessionKeeper({ ...shared, refresh })
    const [mine, theirs] = await Promise.all([keeper.renew('access-1'), otherTab.renew('access-1')])
    expect(refresh).toHaveBeenCalledTimes(1)
    expect(mine).toEqual(theirs)
  })

  it('takes what was renewed before it was asked', async () => {
    await keeper.renew('access-1')
    expect((await keeper.renew('access-1')).access_token).toBe('access-2')
    expect(refresh).toHaveBeenCalledTimes(1)
  })

  it('ends the session when the server refuses the refresh token', async () => {
    refresh.mockRejectedValueOnce(refused(401))
    await expect(keeper.renew('access-1')).rejects.toBeInstanceOf(SessionEnded)
    expect(keeper.current()).toBeNull()
  })

  it('keeps the session when the server is away, and renews later', async () => {
    refresh.mockRejectedValueOnce(new ServerAway())
    await expect(keeper.renew('access-1')).rejects.toBeInstanceOf(ServerAway)
    expect(keeper.current()).toEqual(session(1))
    expect((await keeper.renew('access-1')).access_token).toBe('access-2')
  })

  it('keeps the session when the server fails', async () => {
    refresh.mockRejectedValueOnce(refused(500))
    await expect(keeper.renew('access-1')).rejects.toBeInstanceOf(Problem)
    expect(keeper.current()).toEqual(session(1))
  })

  it('stays signed out when the renewal answers after the sign-out', async () => {
    let answer: (given: Session) => void = () => undefined
    refresh.mockReturnValueOnce(
      new Promise((resolve) => {
        answer = resolve
      }),
    )
    const renewing = keeper.renew('access-1')
    await Promise.resolve()
    keeper.end()
    answer(session(2))
    await expect(renewing).rejects.toBeInstanceOf(SessionEnded)
    expect(keeper.current()).toBeNull()
  })

  it('does not end a session that somebody began while the former one was refused', async () => {
    let refuse: (error: Error) => void = () => undefined
    refresh.mockReturnValueOnce(
      new Promise((_resolve, reject) => {
        refuse = reject
      }),
    )
    const renewing = keeper.renew('access-1')
    await Promise.resolve()
    keeper.begin(session(9))
    refuse(refused(401))
    await expect(renewing).rejects.toBeInstanceOf(SessionEnded)
    expect(keeper.current()).toEqual(session(9))
  })

  it('tells its listeners who is signed in', async () => {
    const heard: (string | null)[] = []
    keeper.onChange((given) => heard.push(given?.access_token ?? null))
    await keeper.renew('access-1')
    keeper.end()
    expect(heard).toEqual(['access-2', null])
  })
})

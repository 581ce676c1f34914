/** What can come back instead of an answer. */

export interface FieldError {
  pointer: string
  code: string
  detail: string
}

/** The server answered and refused: `application/problem+json` (RFC 9457). */
export class Problem extends Error {
  override readonly name = 'Problem'

  constructor(
    readonly status: number,
    readonly type: string,
    readonly title: string,
    readonly detail: string | null,
    readonly errors: readonly FieldError[],
    readonly requestId: string | null,
    readonly retryAfterSeconds: number | null,
  ) {
    super(detail ?? title)
  }
}

/** Nobody answered: the line is cut, the server stopped, or it took too long. */
export class ServerAway extends Error {
  override readonly name = 'ServerAway'
}

/** The sign-in has ended, and no token can bring it back. */
export class SessionEnded extends Error {
  override readonly name = 'SessionEnded'
}

function text(value: unknown): string | null {
  return typeof value === 'string' && value !== '' ? value : null
}

function fieldErrors(value: unknown): FieldError[] {
  if (!Array.isArray(value)) return []
  return value.flatMap((entry: unknown) => {
    if (typeof entry !== 'object' || entry === null) return []
    const { pointer, code, detail } = entry as Record<string, unknown>
    return [{ pointer: text(pointer) ?? '', code: text(code) ?? '', detail: text(detail) ?? '' }]
  })
}

/** Seconds, or an HTTP date; a proxy in front may send either. */
export function retryAfter(header: string | null, now: number): number | null {
  if (header === null || header.trim() === '') return null
  const seconds = Number(header)
  if (Number.isFinite(seconds)) return Math.max(0, seconds)
  const date = Date.parse(header)
  return Number.isNaN(date) ? null : Math.max(0, Math.round((date - now) / 1000))
}

/** Reads a refusal. A proxy's HTML page becomes a problem too, without its text. */
export async function problemFrom(response: Response, now: number): Promise<Problem> {
  let body: Record<string, unknown> = {}
  try {
    const parsed: unknown = await response.json()
    if (typeof parsed === 'object' && parsed !== null) body = parsed as Record<string, unknown>
  } catch {
    // Not JSON: status and headers are all there is.
  }
  return new Problem(
    response.status,
    text(body['type']) ?? 'about:blank',
    text(body['title']) ?? `HTTP ${String(response.status)}`,
    text(body['detail']),
    fieldErrors(body['errors']),
    text(body['request_id']) ?? response.headers.get('x-request-id'),
    retryAfter(response.headers.get('retry-after'), now),
  )
}

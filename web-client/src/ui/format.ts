/**
 * What people read, made from what the servers write. Amounts and quantities come as decimal strings and go to `Intl` as
 * strings: they never become a `number`, which could not hold them.
 */

const DECIMAL = /^-?\d+(\.\d+)?$/

/** `Intl` formats decimal strings exactly; TypeScript knows them as template literal types only. */
function literal(value: string): Intl.StringNumericLiteral {
  return value as Intl.StringNumericLiteral
}

export function formatMoney(value: string, currency: string | null, locale: string): string {
  if (!DECIMAL.test(value)) return value
  if (currency === null) {
    const decimals = value.split('.')[1]?.length ?? 0
    return new Intl.NumberFormat(locale, {
      minimumFractionDigits: decimals,
      maximumFractionDigits: decimals,
    }).format(literal(value))
  }
  return new Intl.NumberFormat(locale, {
    style: 'currency',
    currency,
    currencyDisplay: 'narrowSymbol',
  }).format(literal(value))
}

export function formatCount(value: number, locale: string): string {
  return new Intl.NumberFormat(locale, { useGrouping: true, maximumFractionDigits: 0 }).format(value)
}

/** Orders two decimal strings by value. */
export function compareDecimals(a: string, b: string): number {
  const places = Math.max(decimals(a), decimals(b))
  const left = scaled(a, places)
  const right = scaled(b, places)
  return left < right ? -1 : left > right ? 1 : 0
}

function decimals(value: string): number {
  return value.split('.')[1]?.length ?? 0
}

function scaled(value: string, places: number): bigint {
  if (!DECIMAL.test(value)) return 0n
  const [whole = '0', fraction = ''] = value.replace('-', '').split('.')
  const digits = BigInt(whole + fraction.padEnd(places, '0'))
  return value.startsWith('-') ? -digits : digits
}

/** A number for the height of a bar, and for nothing else. */
export function forDrawing(value: string): number {
  return DECIMAL.test(value) ? Number.parseFloat(value) : 0
}

/** Node, and browsers without that zone in their data, refuse unknown zones: the reader's own is the next best. */
function inZone(
  options: Intl.DateTimeFormatOptions,
  zone: string | undefined,
  locale: string,
): Intl.DateTimeFormat {
  try {
    return new Intl.DateTimeFormat(locale, zone === undefined ? options : { ...options, timeZone: zone })
  } catch {
    return new Intl.DateTimeFormat(locale, options)
  }
}

export function formatTime(at: number | string, locale: string, zone?: string, seconds = true): string {
  return inZone(
    { hour: '2-digit', minute: '2-digit', ...(seconds ? { second: '2-digit' } : {}), hourCycle: 'h23' },
    zone,
    locale,
  ).format(new Date(at))
}

export function formatDay(at: number | string, locale: string, zone?: string): string {
  return inZone({ weekday: 'long', day: 'numeric', month: 'long', year: 'numeric' }, zone, locale).format(
    new Date(at),
  )
}

export function formatShortDay(at: number | string, locale: string, zone?: string): string {
  return inZone({ day: 'numeric', month: 'short' }, zone, locale).format(new Date(at))
}

/** "Wednesday 18 Nov", of a day that came as `2026-11-18`. */
export function calendarDay(day: string, locale: string): string {
  return inZone({ weekday: 'long', day: 'numeric', month: 'short' }, 'UTC', locale).format(
    new Date(`${day}T12:00:00Z`),
  )
}

/** The time alone today, with the day before it otherwise. */
export function formatMoment(at: string, now: number, locale: string, zone?: string): string {
  const sameDay = isoDay(Date.parse(at), zone) === isoDay(now, zone)
  const time = formatTime(at, locale, zone, sameDay)
  return sameDay ? time : `${formatShortDay(at, locale, zone)}, ${time}`
}

/** `2026-11-25`, as the wall calendar of that zone shows it. */
export function isoDay(at: number, zone?: string): string {
  return inZone({ year: 'numeric', month: '2-digit', day: '2-digit' }, zone, 'en-CA').format(new Date(at))
}

/** The same day `days` earlier, reckoned in the calendar, so that no change of the clocks can shift it. */
export function daysBefore(day: string, days: number): string {
  const date = new Date(`${day}T00:00:00Z`)
  date.setUTCDate(date.getUTCDate() - days)
  return date.toISOString().slice(0, 10)
}

type Unit = 'second' | 'minute' | 'hour' | 'day'
const UNITS: readonly (readonly [Unit, number])[] = [
  ['day', 86_400_000],
  ['hour', 3_600_000],
  ['minute', 60_000],
  ['second', 1000],
]

function largestUnit(ms: number): readonly [Unit, number] {
  for (const [unit, size] of UNITS) {
    if (Math.abs(ms) >= size) return [unit, Math.floor(Math.abs(ms) / size)]
  }
  return ['second', 0]
}

/** "3 min", "2 days". */
export function formatSpan(ms: number, locale: string): string {
  const [unit, count] = largestUnit(ms)
  return new Intl.NumberFormat(locale, {
    style: 'unit',
    unit,
    unitDisplay: unit === 'day' || unit === 'hour' ? 'long' : 'short',
  }).format(count)
}

/** "4 sec. ago". A moment that lies ahead by the clocks' disagreement is now. */
export function formatAgo(at: string, now: number, locale: string): string {
  const [unit, count] = largestUnit(Math.max(0, now - Date.parse(at)))
  return new Intl.RelativeTimeFormat(locale, {
    numeric: count === 0 ? 'auto' : 'always',
    style: 'short',
  }).format(count === 0 ? 0 : -count, unit)
}

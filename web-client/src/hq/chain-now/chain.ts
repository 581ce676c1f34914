import type { SalesReport, StoreLine } from '@/api/hq'
import { compareDecimals } from '@/ui/format'

/** What the page shows, made from what HQ answers. Pure: no clock, no server, and no sum: every total is HQ's own. */

export type LineState = 'up' | 'down' | 'never' | 'unknown'

export interface Figures {
  sales: number
  net: string
  tax: string
  gross: string
}

export interface StoreRow {
  code: string
  name: string
  state: LineState
  zone: string | undefined
  onlineSince: string | null
  lastSeenAt: string | null
  feedPosition: number | null
  feedBehind: number | null
  feedBehindSince: string | null
  pending: number | null
  oldestPendingAt: string | null
  lastHeardAt: string | null
  skewMs: number | null
  incidents: number
  /** Its journal does not fit what HQ has: it needs a new enrolment code. */
  isForked: boolean
  /** `null` where this person may not see money, or nothing was read yet. */
  figures: Figures | null
}

type SalesRow = SalesReport['rows'][number]

/** Only a tender's row is without net and tax. */
function figuresOf({ sales, net, tax, gross }: SalesRow): Figures {
  return { sales, net: net ?? '–', tax: tax ?? '–', gross }
}

const NONE: Figures = { sales: 0, net: '0.00', tax: '0.00', gross: '0.00' }

function lineState(line: StoreLine): LineState {
  if (line.online) return 'up'
  return line.enrolled || line.last_seen_at ? 'down' : 'never'
}

/** One row per store, in the order of their codes; a store that only the report knows still has its figures. */
export function storeRows(lines: readonly StoreLine[], byStore: SalesReport | null): StoreRow[] {
  const figures = new Map(byStore?.rows.map((row) => [row.key, row]))
  const rows = lines.map((line): StoreRow => {
    const sold = figures.get(line.store_code)
    figures.delete(line.store_code)
    return {
      code: line.store_code,
      name: line.store_name,
      state: lineState(line),
      zone: line.time_zone,
      onlineSince: line.online_since ?? null,
      lastSeenAt: line.last_seen_at ?? null,
      feedPosition: line.feed_position,
      feedBehind: line.feed_behind,
      feedBehindSince: line.feed_behind_since ?? null,
      pending: line.journal_pending,
      oldestPendingAt: line.oldest_pending_at ?? null,
      lastHeardAt: line.last_event_at ?? null,
      skewMs: line.clock_skew_ms ?? null,
      incidents: line.open_incidents,
      isForked: line.forked,
      figures: byStore ? (sold ? figuresOf(sold) : NONE) : null,
    }
  })
  for (const sold of figures.values()) {
    rows.push({
      code: sold.key,
      name: sold.label,
      state: 'unknown',
      zone: undefined,
      onlineSince: null,
      lastSeenAt: null,
      feedPosition: null,
      feedBehind: null,
      feedBehindSince: null,
      pending: null,
      oldestPendingAt: null,
      lastHeardAt: null,
      skewMs: null,
      incidents: 0,
      isForked: false,
      figures: figuresOf(sold),
    })
  }
  return rows.sort((a, b) => byCode(a.code, b.code))
}

function byCode(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0
}

/** Changes whenever a store has delivered something or a line turned: then, and only then, the figures are read again. */
export function pulse(lines: readonly StoreLine[]): string {
  return lines
    .map((line) => `${line.store_code}:${String(line.journal_received)}:${String(line.online)}`)
    .join(' ')
}

export interface ChainState {
  stores: number
  up: number
  down: number
  waiting: number
  incidents: number
}

export function chainState(rows: readonly StoreRow[]): ChainState {
  return {
    stores: rows.length,
    up: rows.filter((row) => row.state === 'up').length,
    down: rows.filter((row) => row.state === 'down').length,
    waiting: rows.reduce((count, row) => count + (row.pending ?? 0), 0),
    incidents: rows.reduce((count, row) => count + row.incidents, 0),
  }
}

export interface HourRow {
  /** 0 to 23, the store's hour. */
  hour: number
  today: Figures | null
  before: Figures | null
}

function byHour(report: SalesReport | null): Map<number, Figures> {
  const hours = new Map<number, Figures>()
  for (const row of report?.rows ?? []) {
    const hour = /(?:^|T|\s)(\d{1,2})(?::\d{2})*$/.exec(row.key)?.[1]
    if (hour !== undefined && Number(hour) < 24) hours.set(Number(hour), figuresOf(row))
  }
  return hours
}

/** Without a gap from the first hour to the last in which anything was sold, and at least the usual opening hours. */
export function hourRows(today: SalesReport | null, before: SalesReport | null): HourRow[] {
  const now = byHour(today)
  const then = byHour(before)
  const sold = [...now.keys(), ...then.keys()]
  if (sold.length === 0) return []
  const first = Math.min(9, ...sold)
  const last = Math.max(17, ...sold)
  return Array.from({ length: last - first + 1 }, (_, index) => {
    const hour = first + index
    return { hour, today: now.get(hour) ?? null, before: then.get(hour) ?? null }
  })
}

export const SORTABLE = [
  'store',
  'line',
  'feed',
  'journal',
  'lastHeard',
  'clock',
  'incidents',
  'sales',
  'net',
  'tax',
  'gross',
] as const
export type SortKey = (typeof SORTABLE)[number]
export interface Order {
  by: SortKey
  descending: boolean
}

/** `gross` or `-gross`, as it stands in the address. */
export function parseOrder(text: unknown): Order {
  const raw = typeof text === 'string' ? text : ''
  const by = raw.replace(/^-/, '')
  const known = SORTABLE.find((key) => key === by)
  return known ? { by: known, descending: raw.startsWith('-') } : { by: 'store', descending: false }
}

export function orderText({ by, descending }: Order): string | undefined {
  if (by === 'store' && !descending) return undefined
  return `${descending ? '-' : ''}${by}`
}

const LINE_ORDER: Record<LineState, number> = { down: 0, never: 1, unknown: 2, up: 3 }

function compareBy(key: SortKey, a: StoreRow, b: StoreRow): number {
  switch (key) {
    case 'store':
      return byCode(a.code, b.code)
    case 'line':
      return LINE_ORDER[a.state] - LINE_ORDER[b.state]
    case 'feed':
      return (a.feedBehind ?? -1) - (b.feedBehind ?? -1)
    case 'journal':
      return (a.pending ?? -1) - (b.pending ?? -1)
    case 'lastHeard':
      return moment(a.lastHeardAt) - moment(b.lastHeardAt)
    case 'clock':
      return Math.abs(a.skewMs ?? 0) - Math.abs(b.skewMs ?? 0)
    case 'incidents':
      return a.incidents - b.incidents
    case 'sales':
      return (a.figures?.sales ?? 0) - (b.figures?.sales ?? 0)
    default:
      return compareDecimals(a.figures?.[key] ?? '0', b.figures?.[key] ?? '0')
  }
}

function moment(at: string | null): number {
  return at === null ? 0 : Date.parse(at)
}

export function ordered(rows: readonly StoreRow[], { by, descending }: Order): StoreRow[] {
  const sign = descending ? -1 : 1
  return [...rows].sort((a, b) => sign * compareBy(by, a, b) || byCode(a.code, b.code))
}

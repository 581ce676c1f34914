import { computed, type ComputedRef } from 'vue'
import { useI18n } from 'vue-i18n'
import { locale } from '@/i18n'
import { formatAgo, formatCount, formatMoment, formatMoney, formatSpan } from '@/ui/format'
import type { SortKey, StoreRow } from './chain'

/** What each column says about a store, in words. The table and the narrow list read the same. */

export interface Cell {
  text: string
  detail?: string | undefined
  icon?: 'up' | 'down' | 'never' | 'attention'
  tone?: 'good' | 'waiting' | 'attention' | 'muted'
  /** Shows for a moment that it has moved. */
  moves?: boolean
}

export interface Column {
  key: SortKey
  label: string
  isNumber: boolean
  /** Gives way where there is little room. */
  isMinor?: boolean
  cell(row: StoreRow, now: number): Cell
}

/** Clocks that differ by less agree for every purpose of a shop. */
const CLOCK_AGREES_MS = 2000
const CLOCK_WRONG_MS = 60_000

export function useColumns(seesMoney: () => boolean, currency: () => string | null): ComputedRef<Column[]> {
  const { t } = useI18n()

  const line = (row: StoreRow, now: number): Cell => {
    const moment = (at: string): string => formatMoment(at, now, locale(), row.zone)
    switch (row.state) {
      case 'up':
        return {
          text: t('chain.up'),
          icon: 'up',
          tone: 'good',
          detail: row.onlineSince === null ? undefined : t('chain.since', { time: moment(row.onlineSince) }),
        }
      case 'down':
        return {
          text: t('chain.down'),
          icon: 'down',
          tone: 'waiting',
          detail: row.lastSeenAt === null ? undefined : t('chain.since', { time: moment(row.lastSeenAt) }),
        }
      case 'never':
        return { text: t('chain.never'), icon: 'never', tone: 'muted' }
      case 'unknown':
        return { text: t('chain.unknown'), icon: 'never', tone: 'muted' }
    }
  }

  const feed = (row: StoreRow, now: number): Cell => {
    if (row.feedPosition === null || row.state === 'never') return { text: '–', tone: 'muted' }
    const detail = t('chain.position', { position: formatCount(row.feedPosition, locale()) })
    const behind = row.feedBehind ?? 0
    return behind === 0
      ? { text: t('chain.current'), detail }
      : {
          text: t('chain.behind', { count: formatCount(behind, locale()) }, behind),
          detail:
            row.feedBehindSince === null
              ? detail
              : t('chain.oldest', { ago: formatAgo(row.feedBehindSince, now, locale()) }),
          tone: 'waiting',
        }
  }

  const journal = (row: StoreRow, now: number): Cell => {
    if (row.pending === null || row.state === 'never') return { text: '–', tone: 'muted' }
    const heard = row.state === 'down' ? t('chain.whenLastHeard') : undefined
    if (row.pending === 0) return { text: t('chain.nothing'), detail: heard }
    const oldest =
      row.oldestPendingAt === null
        ? undefined
        : t('chain.oldest', { ago: formatAgo(row.oldestPendingAt, now, locale()) })
    return {
      text: t('chain.facts', { count: formatCount(row.pending, locale()) }, row.pending),
      detail: heard ?? oldest,
      tone: 'waiting',
    }
  }

  const lastHeard = (row: StoreRow, now: number): Cell =>
    row.lastHeardAt === null
      ? { text: t('chain.nothingHeard'), tone: 'muted' }
      : {
          text: formatMoment(row.lastHeardAt, now, locale(), row.zone),
          detail: formatAgo(row.lastHeardAt, now, locale()),
        }

  const clock = (row: StoreRow): Cell => {
    if (row.skewMs === null || row.state === 'never') return { text: '–', tone: 'muted' }
    if (Math.abs(row.skewMs) < CLOCK_AGREES_MS) return { text: t('chain.clockRight') }
    const span = formatSpan(row.skewMs, locale())
    const text = row.skewMs > 0 ? t('chain.fast', { span }) : t('chain.slow', { span })
    return Math.abs(row.skewMs) < CLOCK_WRONG_MS ? { text } : { text, icon: 'attention', tone: 'attention' }
  }

  const incidents = (row: StoreRow): Cell =>
    row.incidents === 0
      ? { text: t('chain.noIncident') }
      : {
          text: t('chain.openIncidents', { count: formatCount(row.incidents, locale()) }),
          icon: 'attention',
          tone: 'attention',
        }

  const money =
    (key: 'net' | 'tax' | 'gross') =>
    (row: StoreRow): Cell =>
      row.figures === null
        ? { text: '–', tone: 'muted' }
        : { text: formatMoney(row.figures[key], currency(), locale()), moves: true }

  return computed(() => {
    const health: Column[] = [
      { key: 'line', label: t('chain.line'), isNumber: false, cell: line },
      { key: 'feed', label: t('chain.feed'), isNumber: false, cell: feed },
      { key: 'journal', label: t('chain.journal'), isNumber: false, cell: journal },
      { key: 'lastHeard', label: t('chain.lastHeard'), isNumber: false, cell: lastHeard },
      { key: 'clock', label: t('chain.clock'), isNumber: false, cell: clock },
      { key: 'incidents', label: t('chain.incidents'), isNumber: false, cell: incidents },
    ]
    if (!seesMoney()) return health
    return [
      ...health,
      {
        key: 'sales',
        label: t('chain.salesColumn'),
        isNumber: true,
        cell: (row) =>
          row.figures === null
            ? { text: '–', tone: 'muted' }
            : { text: formatCount(row.figures.sales, locale()), moves: true },
      },
      { key: 'net', label: t('day.net'), isNumber: true, isMinor: true, cell: money('net') },
      { key: 'tax', label: t('day.tax'), isNumber: true, isMinor: true, cell: money('tax') },
      { key: 'gross', label: t('day.gross'), isNumber: true, cell: money('gross') },
    ]
  })
}

/** A sentence under a store whose figures are not the whole truth. */
export interface Note {
  text: string
  tone: 'waiting' | 'attention' | 'muted'
}

export function useNote(): (row: StoreRow, now: number) => Note | null {
  const { t } = useI18n()
  return (row, now) => {
    if (row.isForked) return { text: t('chain.forkedNote', { store: row.code }), tone: 'attention' }
    if (row.state === 'never') return { text: t('chain.neverNote'), tone: 'muted' }
    if (row.state !== 'down') return null
    const text =
      row.lastSeenAt === null
        ? t('chain.downNoteNoTime', { store: row.code })
        : t('chain.downNote', {
            store: row.code,
            time: formatMoment(row.lastSeenAt, now, locale(), row.zone),
          })
    return { text, tone: 'waiting' }
  }
}

import { describe, expect, it } from 'vitest'
import type { SalesReport, StoreLine } from '@/api/hq'
import { chainState, hourRows, ordered, orderText, parseOrder, pulse, storeRows } from './chain'

function line(code: string, given: Partial<StoreLine> = {}): StoreLine {
  return {
    store_code: code,
    store_name: `Shop ${code}`,
    online: true,
    enrolled: true,
    forked: false,
    last_seen_at: '2026-11-25T10:00:00Z',
    journal_received: 1,
    journal_pending: 0,
    open_incidents: 0,
    ...given,
  } as StoreLine
}

function report(rows: [key: string, sales: number, gross: string][]): SalesReport {
  return {
    currency: 'GBP',
    from: '2026-11-25',
    to: '2026-11-25',
    rows: rows.map(([key, sales, gross]) => ({
      key,
      label: key,
      sales,
      quantity: '1',
      net: '0',
      tax: '0',
      gross,
    })),
    totals: { sales: 0, quantity: '0', net: '0', tax: '0', gross: '0', rounding: '0', non_sales: '0' },
    as_of: [],
  }
}

describe('the stores', () => {
  it('are listed by code, each with its own figures', () => {
    const rows = storeRows([line('ST02'), line('ST01')], report([['ST02', 3, '12.50']]))
    expect(rows.map((row) => [row.code, row.figures?.sales, row.figures?.gross])).toEqual([
      ['ST01', 0, '0.00'],
      ['ST02', 3, '12.50'],
    ])
  })

  it('have no figures, not zeros, before the report was read', () => {
    expect(storeRows([line('ST01')], null)[0]?.figures).toBeNull()
  })

  it('that only the report knows are not lost', () => {
    const rows = storeRows([line('ST01')], report([['ST09', 1, '5.00']]))
    expect(rows.map((row) => [row.code, row.state])).toEqual([
      ['ST01', 'up'],
      ['ST09', 'unknown'],
    ])
  })

  it('are down when they were heard before, and not enrolled when they never were', () => {
    const rows = storeRows(
      [line('ST01', { online: false }), line('ST02', { online: false, enrolled: false, last_seen_at: null })],
      null,
    )
    expect(rows.map((row) => row.state)).toEqual(['down', 'never'])
    expect(chainState(rows)).toMatchObject({ stores: 2, up: 0, down: 1 })
  })
})

describe('the pulse', () => {
  it('changes when a store delivers and when a line turns, and at nothing else', () => {
    const calm = pulse([line('ST01')])
    expect(pulse([line('ST01', { last_seen_at: '2026-11-25T10:00:02Z' })])).toBe(calm)
    expect(pulse([line('ST01', { journal_received: 2 })])).not.toBe(calm)
    expect(pulse([line('ST01', { online: false })])).not.toBe(calm)
  })
})

describe('the hours', () => {
  it('go without a gap from the first to the last, at least over the usual opening hours', () => {
    const rows = hourRows(report([['08', 1, '1.00']]), report([['19', 2, '2.00']]))
    expect(rows.map((row) => row.hour)).toEqual([8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19])
    expect(rows[0]?.today?.gross).toBe('1.00')
    expect(rows.at(-1)?.before?.gross).toBe('2.00')
    expect(rows[1]).toEqual({ hour: 9, today: null, before: null })
  })

  it('are read from whatever way the hour is written', () => {
    const rows = hourRows(report([['2026-11-25T07:00', 1, '1.00']]), null)
    expect(rows[0]).toMatchObject({ hour: 7, today: { sales: 1 } })
  })

  it('are none before anything was sold', () => {
    expect(hourRows(report([]), null)).toEqual([])
  })
})

describe('the order', () => {
  const rows = storeRows(
    [line('ST01'), line('ST02', { online: false }), line('ST03')],
    report([
      ['ST01', 2, '9.50'],
      ['ST02', 1, '100.00'],
      ['ST03', 9, '20.00'],
    ]),
  )

  it('by money is by value', () => {
    expect(ordered(rows, parseOrder('-gross')).map((row) => row.code)).toEqual(['ST02', 'ST03', 'ST01'])
  })

  it('by line begins with what needs a look', () => {
    expect(ordered(rows, parseOrder('line')).map((row) => row.code)).toEqual(['ST02', 'ST01', 'ST03'])
  })

  it('stands in the address, and nonsense there is the usual order', () => {
    expect(orderText(parseOrder('-gross'))).toBe('-gross')
    expect(orderText(parseOrder('store'))).toBeUndefined()
    expect(parseOrder('drop table')).toEqual({ by: 'store', descending: false })
    expect(parseOrder(['a', 'b'])).toEqual({ by: 'store', descending: false })
  })
})

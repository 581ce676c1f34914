import { describe, expect, it } from 'vitest'
import {
  compareDecimals,
  daysBefore,
  formatAgo,
  formatMoment,
  formatMoney,
  formatSpan,
  isoDay,
} from './format'

describe('money', () => {
  it('keeps every digit of an amount that no float can hold', () => {
    expect(formatMoney('90071992547409931234.57', 'GBP', 'en-GB')).toBe('£90,071,992,547,409,931,234.57')
  })

  it('is written in the format of the language', () => {
    expect(formatMoney('12345.60', 'EUR', 'es-ES')).toBe('12.345,60\u00a0€')
    expect(formatMoney('-5.31', 'GBP', 'en-GB')).toBe('-£5.31')
  })

  it('has the decimals of its currency', () => {
    expect(formatMoney('1500', 'JPY', 'en-GB')).toBe('¥1,500')
    expect(formatMoney('1.5', 'KWD', 'en-GB')).toMatch(/1\.500/)
  })

  it('without a known currency keeps the decimals that came', () => {
    expect(formatMoney('1234.500', null, 'en-GB')).toBe('1,234.500')
  })

  it('that is no amount is shown as it came', () => {
    expect(formatMoney('n/a', 'GBP', 'en-GB')).toBe('n/a')
  })
})

describe('order of decimals', () => {
  it('is by value, not by letters', () => {
    expect(['10.00', '9.5', '-3', '9.50', '100'].sort(compareDecimals)).toEqual([
      '-3',
      '9.5',
      '9.50',
      '10.00',
      '100',
    ])
  })

  it('tells amounts apart that are equal as floats', () => {
    expect(compareDecimals('9007199254740993.01', '9007199254740993.02')).toBe(-1)
  })
})

describe('time', () => {
  const now = Date.parse('2026-11-25T10:00:00Z')

  it('of day is the store’s, not the reader’s', () => {
    expect(formatMoment('2026-11-25T09:41:03Z', now, 'en-GB', 'Europe/Madrid')).toBe('10:41:03')
  })

  it('of another day bears the day', () => {
    expect(formatMoment('2026-11-23T17:05:00Z', now, 'en-GB', 'Europe/London')).toBe('23 Nov, 17:05')
  })

  it('in a zone that this browser does not know is the reader’s', () => {
    expect(formatMoment('2026-11-25T09:41:03Z', now, 'en-GB', 'Mars/Olympus')).toMatch(/^\d\d:41:03$/)
  })

  it('ago is in the largest unit that is whole', () => {
    expect(formatAgo('2026-11-25T09:59:56Z', now, 'en-GB')).toBe('4 sec ago')
    expect(formatAgo('2026-11-25T08:30:00Z', now, 'en-GB')).toBe('1 hr ago')
    expect(formatAgo('2026-11-22T08:30:00Z', now, 'es-ES')).toBe('hace 3 d')
  })

  it('ahead of the clock is now', () => {
    expect(formatAgo('2026-11-25T10:00:02Z', now, 'en-GB')).toBe('now')
  })

  it('spans are in words', () => {
    expect(formatSpan(-190_000, 'en-GB')).toBe('3 mins')
    expect(formatSpan(2 * 86_400_000, 'es-ES')).toBe('2 días')
  })
})

describe('days', () => {
  it('turn at midnight of the store', () => {
    const at = Date.parse('2026-11-25T23:30:00Z')
    expect(isoDay(at, 'Europe/London')).toBe('2026-11-25')
    expect(isoDay(at, 'Europe/Madrid')).toBe('2026-11-26')
  })

  it('are counted in the calendar, over a change of the clocks and of the year', () => {
    expect(daysBefore('2026-03-31', 7)).toBe('2026-03-24')
    expect(daysBefore('2027-01-03', 7)).toBe('2026-12-27')
  })
})

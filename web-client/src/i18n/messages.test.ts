import { describe, expect, it } from 'vitest'
import { en } from './en'
import { es } from './es'

function texts(tree: object, path = ''): Map<string, string> {
  const found = new Map<string, string>()
  for (const [key, value] of Object.entries(tree) as [string, unknown][]) {
    const at = path === '' ? key : `${path}.${key}`
    if (typeof value === 'string') found.set(at, value)
    else if (typeof value === 'object' && value !== null)
      for (const [inner, text] of texts(value, at)) found.set(inner, text)
  }
  return found
}

const placeholders = (text: string): string[] =>
  [...new Set([...text.matchAll(/\{\w+\}/g)].map(([name]) => name))].sort()

describe('the languages', () => {
  const english = texts(en)
  const spanish = texts(es)

  it('have the same texts, none of them empty', () => {
    expect([...spanish.keys()].sort()).toEqual([...english.keys()].sort())
    for (const [key, text] of spanish) expect(text.trim(), key).not.toBe('')
  })

  it('fill the same places, and count alike', () => {
    for (const [key, text] of english) {
      const other = spanish.get(key) ?? ''
      expect(placeholders(other), key).toEqual(placeholders(text))
      expect(other.split('|').length, key).toBe(text.split('|').length)
    }
  })
})

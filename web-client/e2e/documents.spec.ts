import { expect, test } from '@playwright/test'
import { readFileSync } from 'node:fs'
import { hq, st01 } from './world.ts'

/** The types are made from committed copies of the servers' documents: what the client uses must be what the servers say. */

type Json = Record<string, unknown>

const USED = {
  hq: [
    ['post', '/api/v1/auth/sign-in'],
    ['post', '/api/v1/auth/refresh'],
    ['post', '/api/v1/auth/sign-out'],
    ['get', '/api/v1/sync/stores'],
    ['get', '/api/v1/reports/sales'],
  ],
  store: [
    ['post', '/api/v1/auth/sign-in'],
    ['get', '/api/v1/sync/status'],
    ['get', '/api/v1/reports/sales'],
  ],
} as const

/** The operation with every reference written out and without its prose. */
function resolved(document: Json, value: unknown): unknown {
  if (Array.isArray(value)) return value.map((entry) => resolved(document, entry))
  if (typeof value !== 'object' || value === null) return value
  const entry = value as Json
  if (typeof entry['$ref'] === 'string') {
    const target = entry['$ref']
      .slice(2)
      .split('/')
      .reduce<unknown>((at, key) => (at as Json)[key], document)
    return resolved(document, target)
  }
  return Object.fromEntries(
    Object.entries(entry)
      .filter(([key, text]) => !(['description', 'summary'].includes(key) && typeof text === 'string'))
      .map(([key, inner]) => [key, resolved(document, inner)]),
  )
}

for (const [server, address] of [
  ['hq', hq],
  ['store', st01],
] as const) {
  test(`the client’s copy of the ${server} server’s document says what the server says`, async () => {
    const kept = JSON.parse(readFileSync(`${import.meta.dirname}/../openapi/${server}.json`, 'utf8')) as Json
    const told = (await (await fetch(`${address}/api/openapi.json`)).json()) as Json
    for (const [method, path] of USED[server]) {
      const of = (document: Json): unknown => {
        const operation = ((document['paths'] as Json)[path] as Json | undefined)?.[method] as
          Json | undefined
        if (!operation) return undefined
        const { parameters, requestBody, responses } = operation
        return resolved(document, { parameters, requestBody, answer: (responses as Json)['200'] ?? null })
      }
      expect(of(told), `${method} ${path}`).toBeDefined()
      expect(of(kept), `${method} ${path}: write openapi/${server}.json anew`).toEqual(of(told))
    }
  })
}

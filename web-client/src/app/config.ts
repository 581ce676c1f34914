/** `/config.json`: which desk this deployment is. */

export type Mode = 'hq' | 'store' | 'pos' | 'all'

export interface Config {
  mode: Mode
  apiUrl: string
  storeCode: string | null
  storeName: string | null
}

const KEY = 'tradepost.config'
const MODES: readonly string[] = ['hq', 'store', 'pos', 'all']

function text(value: unknown): string | null {
  return typeof value === 'string' && value !== '' ? value : null
}

export function parseConfig(value: unknown): Config | null {
  if (typeof value !== 'object' || value === null) return null
  const raw = value as Record<string, unknown>
  if (typeof raw['mode'] !== 'string' || !MODES.includes(raw['mode'])) return null
  return {
    mode: raw['mode'] as Mode,
    apiUrl: (text(raw['api_url']) ?? '').replace(/\/+$/, ''),
    storeCode: text(raw['store_code']),
    storeName: text(raw['store_name']),
  }
}

/** Fresh from the server; with the server away, as it was when last read, so that the desk opens all the same. */
export async function loadConfig(): Promise<Config | null> {
  try {
    const response = await fetch('/config.json', { cache: 'no-store', signal: AbortSignal.timeout(5000) })
    const raw: unknown = await response.json()
    const config = response.ok ? parseConfig(raw) : null
    if (config) {
      keep(raw)
      return config
    }
  } catch {
    // Away, or not JSON.
  }
  return kept()
}

function keep(raw: unknown): void {
  try {
    localStorage.setItem(KEY, JSON.stringify(raw))
  } catch {
    // Then the next start needs the server.
  }
}

function kept(): Config | null {
  try {
    const raw = localStorage.getItem(KEY)
    return raw === null ? null : parseConfig(JSON.parse(raw))
  } catch {
    return null
  }
}

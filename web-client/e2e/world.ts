import { randomUUID } from 'node:crypto'

/** The chain that the tests run beside: its addresses, its line, and a till in ST01, all through public interfaces. */

function address(name: string): string {
  const value = process.env[name]
  if (value === undefined || value === '') throw new Error(`${name} is not set: run scripts/browser-tests`)
  return value.replace(/\/+$/, '')
}

export const hq = address('E2E_HQ_URL')
export const st01 = address('E2E_ST01_URL')
const control = address('E2E_CONTROL_URL')
export const login = process.env['E2E_LOGIN'] ?? 'hq@demo'
export const password = process.env['E2E_PASSWORD'] ?? 'tradepost'
/** Who stands at the till and may use the store desk. */
export const storeLogin = process.env['E2E_STORE_LOGIN'] ?? 'manager@demo'

async function call<T>(method: string, url: string, body?: unknown, token?: string): Promise<T> {
  const answer = await fetch(url, {
    method,
    headers: {
      ...(body === undefined ? {} : { 'content-type': 'application/json' }),
      ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
    },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  })
  const text = await answer.text()
  if (!answer.ok) throw new Error(`${method} ${url}: ${String(answer.status)} ${text}`)
  return (text === '' ? null : JSON.parse(text)) as T
}

export async function line(state: 'up' | 'down', store?: string): Promise<void> {
  await call('POST', `${control}/line`, store === undefined ? { state } : { state, store })
}

export interface Rung {
  receiptNumber: string
  total: string
}

/** A till of ST01 with an open session, selling one piece of some product at its price. */
export class Till {
  private constructor(
    private readonly token: string,
    private readonly session: string,
    private readonly sku: string,
    private readonly price: string,
  ) {}

  static async open(register: string): Promise<Till> {
    const { access_token } = await call<{ access_token: string }>('POST', `${st01}/api/v1/auth/sign-in`, {
      login: storeLogin,
      password,
    })
    const session = randomUUID()
    await call(
      'PUT',
      `${st01}/api/v1/register-sessions/${session}`,
      { register, opening_float: '100.00' },
      access_token,
    )
    const { items } = await call<{ items: Record<string, unknown>[] }>(
      'GET',
      `${st01}/api/v1/products?q=&limit=20`,
      undefined,
      access_token,
    )
    const priced = items.find((item) => priceOf(item) !== null)
    if (!priced) throw new Error(`no product with a price: ${JSON.stringify(items).slice(0, 400)}`)
    return new Till(access_token, session, skuOf(priced), priceOf(priced) ?? '')
  }

  async sell(): Promise<Rung> {
    const sale = await call<{ receipt_number: string; total: string }>(
      'PUT',
      `${st01}/api/v1/sales/${randomUUID()}`,
      {
        register_session_id: this.session,
        lines: [{ id: randomUUID(), sku: this.sku, quantity: '1' }],
        payments: [{ id: randomUUID(), tender: 'card', amount: this.price }],
        expected_total: this.price,
      },
      this.token,
    )
    return { receiptNumber: sale.receipt_number, total: sale.total }
  }

  async close(): Promise<void> {
    await call(
      'POST',
      `${st01}/api/v1/register-sessions/${this.session}/close`,
      { counted: [{ tender: 'cash', amount: '100.00' }] },
      this.token,
    )
  }
}

function skuOf(item: Record<string, unknown>): string {
  return String(item['sku'])
}

function priceOf(item: Record<string, unknown>): string | null {
  const price = item['price']
  if (typeof price !== 'object' || price === null) return null
  const amount = (price as Record<string, unknown>)['amount']
  return typeof amount === 'string' ? amount : null
}

import type { Locator, Page } from '@playwright/test'
import { expect, expectAccessible, expectNoSidewaysScroll, picture, signIn, test } from './screen.ts'
import { hq, line, st01, storeLogin, Till, type Rung } from './world.ts'

const row = (page: Page, store: string): Locator => page.locator(`[data-store="${store}"]`)
const cell = (page: Page, store: string, column: string): Locator =>
  row(page, store).locator(`[data-column="${column}"]`)

async function salesOf(page: Page, store: string): Promise<number> {
  const text = await cell(page, store, 'sales').innerText()
  return Number(text.replace(/\D/g, ''))
}

test.afterEach(async () => {
  await line('up')
})

test('a wrong password is told beside the field, and the password can be typed again', async ({ page }) => {
  await page.goto('/')
  await page.getByLabel('Login').fill('hq@demo')
  await page.getByLabel('Password', { exact: true }).fill('not this one')
  await page.keyboard.press('Enter')
  await expect(page.getByRole('alert')).toContainText('do not belong together')
  await expect(page.getByLabel('Password', { exact: true })).toBeFocused()
  await expectAccessible(page)
  await picture(page, 'sign-in-refused')
})

test('whoever signs in sees both stores with their lines up', async ({ page }) => {
  await signIn(page)
  await expect(page.getByRole('heading', { name: 'Chain now', level: 1 })).toBeVisible()
  for (const store of ['ST01', 'ST02']) {
    await expect(row(page, store)).toHaveAttribute('data-line', 'up')
    await expect(cell(page, store, 'line')).toContainText('Up')
    await expect(cell(page, store, 'feed')).toContainText('Up to date')
    await expect(cell(page, store, 'journal')).toContainText('Nothing')
    await expect(cell(page, store, 'incidents')).toContainText('None')
  }
  await expect(page.getByText('2 of 2 lines up')).toBeVisible()
})

test('figures move by themselves when a sale is rung up, and a cut line is seen and heals', async ({
  page,
}) => {
  await signIn(page)
  await expect(row(page, 'ST01')).toHaveAttribute('data-line', 'up')
  const before = await salesOf(page, 'ST01')
  const elsewhere = await salesOf(page, 'ST02')
  const till = await Till.open('R01')
  const rung: Rung[] = []
  try {
    rung.push(await till.sell(), await till.sell())
    await expect.poll(() => salesOf(page, 'ST01')).toBe(before + 2)
    expect(await salesOf(page, 'ST02')).toBe(elsewhere)
    await expect(page.locator('[data-figure="sales"]')).toContainText(String(before + elsewhere + 2))
    await expect(cell(page, 'ST01', 'lastHeard')).toContainText(/now|sec ago/)

    await line('down', 'ST01')
    await expect(row(page, 'ST01')).toHaveAttribute('data-line', 'down')
    await expect(cell(page, 'ST01', 'line')).toContainText('Line down')
    await expect(row(page, 'ST01')).toContainText('Selling goes on at ST01.')
    await expect(page.getByText('1 of 2 lines up')).toBeVisible()
    await expect(row(page, 'ST02')).toHaveAttribute('data-line', 'up')
    await expectAccessible(page)
    await picture(page, 'line-down')

    // Sold behind the cut: HQ cannot know, and shows what it knew.
    rung.push(await till.sell())
    expect(await salesOf(page, 'ST01')).toBe(before + 2)

    await line('up', 'ST01')
    await expect(row(page, 'ST01')).toHaveAttribute('data-line', 'up')
    await expect.poll(() => salesOf(page, 'ST01')).toBe(before + 3)
    await expect(row(page, 'ST01')).not.toContainText('Selling goes on')
    await picture(page, 'line-mended')
  } finally {
    await line('up')
    await till.close()
  }
  expect(new Set(rung.map((sale) => sale.receiptNumber)).size).toBe(3)
})

test('sales by hour can be read as a table, by keyboard alone', async ({ page }) => {
  const till = await Till.open('R02')
  await till.sell()
  await till.close()
  await signIn(page)
  const hours = page.getByRole('region', { name: 'Sales by hour' }).first()
  await expect(hours.locator('canvas')).toBeVisible()
  const asTable = hours.getByRole('button', { name: 'Table' })
  await asTable.focus()
  await page.keyboard.press('Space')
  await expect(hours.getByRole('table')).toBeVisible()
  await expect(hours.getByRole('rowheader').first()).toHaveText(/^\d\d:00$/)
  await expectAccessible(page)
})

test('the ledger sorts by a column, says so, and the address keeps it', async ({ page }) => {
  await signIn(page)
  await page.getByRole('button', { name: 'Sort by Gross' }).click()
  await expect(page.getByRole('columnheader', { name: 'Sort by Gross' })).toHaveAttribute(
    'aria-sort',
    'descending',
  )
  await expect(page).toHaveURL(/sort=-gross/)
  await page.reload()
  await expect(page.getByRole('columnheader', { name: 'Sort by Gross' })).toHaveAttribute(
    'aria-sort',
    'descending',
  )
})

test('one store can be looked at alone, and the address keeps it', async ({ page }) => {
  const till = await Till.open('R04')
  const { total } = await till.sell()
  await till.close()
  expect(Number(total)).toBeGreaterThan(0)
  await signIn(page)
  const day = page.locator('[data-figure="sales"]')
  const all = Number((await day.innerText()).replace(/\D/g, ''))
  await row(page, 'ST01').getByRole('button', { name: 'ST01' }).click()
  await expect(page).toHaveURL(/store=ST01/)
  await expect(page.getByRole('button', { name: /^ST01 .*Show all stores$/ })).toBeVisible()
  await expect(day).toContainText(String(await salesOf(page, 'ST01')))
  await row(page, 'ST02').getByRole('button', { name: 'ST02' }).click()
  if ((await salesOf(page, 'ST02')) === 0) await expect(page.getByText('No sale yet today')).toBeVisible()
  await expectAccessible(page)
  await page.getByRole('button', { name: /Show all stores$/ }).click()
  await expect(day).toContainText(String(all))
})

test('with HQ away the last figures stay, and the bar says how old they are', async ({ page }) => {
  await signIn(page)
  await expect(row(page, 'ST01')).toHaveAttribute('data-line', 'up')
  await page.route('**/api/**', (route) => route.abort('connectionrefused'))
  await expect(page.getByText(/No answer since \d\d:\d\d:\d\d/)).toBeVisible()
  await expect(page.getByText(/What you see is from \d\d:\d\d:\d\d/)).toBeVisible()
  await expect(row(page, 'ST01')).toBeVisible()
  await expectAccessible(page)
  await picture(page, 'hq-away')
  await page.unroute('**/api/**')
  await page.getByRole('button', { name: 'Try now' }).click()
  await expect(page.getByText('HQ answers')).toBeVisible()
})

test('a failure of the server bears a number that can be copied', async ({ page, context }) => {
  await context.grantPermissions(['clipboard-read', 'clipboard-write'])
  await signIn(page)
  await expect(row(page, 'ST01')).toBeVisible()
  await page.route('**/api/v1/sync/stores', (route) =>
    route.fulfill({
      status: 500,
      contentType: 'application/problem+json',
      body: JSON.stringify({ type: '/problems/internal', title: 'x', status: 500, request_id: 'req-4711' }),
    }),
  )
  await expect(page.getByRole('alert')).toContainText('req-4711')
  await page.getByRole('button', { name: 'Copy' }).click()
  await expect(page.getByText('Copied')).toBeVisible()
  expect(await page.evaluate(() => navigator.clipboard.readText())).toBe('req-4711')
})

test('an expired access token is renewed without a word, once for all tabs', async ({ page, context }) => {
  await signIn(page)
  const other = await context.newPage()
  await other.goto('/')
  await expect(row(other, 'ST01')).toBeVisible()
  let renewals = 0
  for (const tab of [page, other])
    tab.on('request', (request) => {
      if (request.url().endsWith('/auth/refresh')) renewals += 1
    })
  await page.evaluate(() => {
    const key = 'tradepost.session'
    const session = JSON.parse(localStorage.getItem(key) ?? '{}') as Record<string, unknown>
    localStorage.setItem(key, JSON.stringify({ ...session, access_token: 'expired' }))
  })
  await expect.poll(() => renewals).toBe(1)
  for (const tab of [page, other]) {
    await tab.bringToFront()
    const answered = tab.waitForResponse((answer) => answer.url().includes('/sync/stores') && answer.ok())
    await answered
    await expect(tab.getByRole('heading', { name: 'Chain now' })).toBeVisible()
  }
  expect(renewals).toBe(1)
})

test('signing out in one tab signs out in the other, and going back shows nothing', async ({
  page,
  context,
}) => {
  await signIn(page)
  const other = await context.newPage()
  await other.goto('/')
  await expect(row(other, 'ST01')).toBeVisible()
  await page.getByRole('button', { name: /^Your menu/ }).click()
  await page.getByRole('button', { name: 'Sign out' }).click()
  for (const tab of [page, other]) await expect(tab.getByRole('heading', { name: 'Sign in' })).toBeVisible()
  await page.goto('/')
  await expect(page.getByRole('heading', { name: 'Sign in' })).toBeVisible()
})

test('the page after signing in is the one that was asked for, and never a stranger’s', async ({ page }) => {
  await page.goto('/?sort=-net')
  await expect(page).toHaveURL(/sign-in\?next=/)
  await signIn(page, page.url())
  await expect(page).toHaveURL(/\?sort=-net$/)
  await page.evaluate(() => {
    localStorage.clear()
  })
  await signIn(page, '/sign-in?next=//example.com/')
  expect(new URL(page.url()).origin).toBe(new URL(hq).origin)
})

test('the person’s menu is opened, used and left by keyboard alone', async ({ page }) => {
  await signIn(page)
  const opener = page.getByRole('button', { name: /^Your menu/ })
  await opener.focus()
  await page.keyboard.press('Enter')
  await expect(page.getByRole('button', { name: 'System' })).toBeFocused()
  await page.keyboard.press('Escape')
  await expect(page.getByRole('button', { name: 'Sign out' })).toBeHidden()
  await expect(opener).toBeFocused()
})

test('the components wear our colours, under a policy without inline styles', async ({ page }) => {
  const answer = await page.goto('/')
  expect(answer?.headers()['content-security-policy']).toContain("style-src 'self';")
  await expect(page.getByRole('button', { name: 'Sign in' })).toHaveCSS('background-color', 'rgb(15, 92, 77)')
})

for (const colorScheme of ['light', 'dark'] as const) {
  test.describe(colorScheme, () => {
    test.use({ colorScheme })

    test(`sign-in and Chain now are accessible in ${colorScheme}`, async ({ page }) => {
      await page.goto('/')
      await expect(page.getByLabel('Login')).toBeFocused()
      await expectAccessible(page)
      await picture(page, `sign-in-${colorScheme}`)
      await signIn(page)
      await expect(row(page, 'ST02')).toBeVisible()
      await expectAccessible(page)
      await picture(page, `chain-now-${colorScheme}`)
      await page.getByRole('button', { name: /^Your menu/ }).click()
      await expect(page.getByRole('button', { name: 'Sign out' })).toBeVisible()
      await expectAccessible(page)
    })
  })
}

test('the chosen appearance and language stay', async ({ page }) => {
  await signIn(page)
  await page.getByRole('button', { name: /^Your menu/ }).click()
  await page.getByRole('button', { name: 'Dark' }).click()
  await page.getByRole('button', { name: 'Español' }).click()
  await page.reload()
  await expect(page.getByRole('heading', { name: 'La cadena ahora' })).toBeVisible()
  await expect(page.locator('html')).toHaveAttribute('lang', 'es')
  await expect(page.locator('html')).toHaveAttribute('data-theme', 'dark')
  await expectAccessible(page)
  await picture(page, 'chain-now-es-dark')
})

test.describe('on a phone', () => {
  test.use({ viewport: { width: 390, height: 844 } })

  test('everything is there in one column', async ({ page }) => {
    await signIn(page)
    await expect(row(page, 'ST01')).toContainText('Up')
    await expect(row(page, 'ST02')).toContainText('Up')
    await expectNoSidewaysScroll(page)
    await expectAccessible(page)
    await picture(page, 'chain-now-390')
  })
})

test('ops see the health of the stores and no money', async ({ page }) => {
  await signIn(page, '/', 'ops@demo')
  await expect(row(page, 'ST01')).toHaveAttribute('data-line', 'up')
  await expect(page.getByRole('columnheader', { name: 'Sort by Gross' })).toHaveCount(0)
  await expect(page.getByText('without money')).toBeVisible()
})

test('the shell opens without a server, and says that there are no figures', async ({ page, context }) => {
  await signIn(page)
  await page.evaluate(async () => {
    await navigator.serviceWorker.ready
  })
  await page.reload()
  await expect.poll(() => page.evaluate(() => navigator.serviceWorker.controller !== null)).toBe(true)
  await context.setOffline(true)
  await page.reload()
  await expect(page.getByRole('heading', { name: 'Chain now' })).toBeVisible()
  await expect(page.getByText('Nothing has been read yet.')).toBeVisible()
  await expect(page.getByText('Nothing has been read on this screen yet')).toBeVisible()
  await expect(page.locator('[data-store]')).toHaveCount(0)
  await context.setOffline(false)
  await page.getByRole('button', { name: 'Try now' }).click()
  await expect(row(page, 'ST01')).toBeVisible()
})

test('the store’s own desk tells line, journal and today, with HQ away too', async ({ page }) => {
  await signIn(page, st01, storeLogin)
  await expect(page.getByRole('heading', { level: 1 })).toContainText('ST01')
  const state = page.getByRole('region', { name: 'State' })
  await expect(state).toContainText('Line to HQ up')
  await line('down', 'ST01')
  const till = await Till.open('R03')
  try {
    await till.sell()
    await expect(state).toContainText('Line to HQ down')
    await expect(state).toContainText(/Selling goes on\. \d+ entr(y|ies) waits? for HQ\./)
    await expectAccessible(page)
    await picture(page, 'store-line-down')
  } finally {
    await line('up')
    await till.close()
  }
  await expect(state).toContainText('Line to HQ up')
  await expect(state).toContainText('Nothing waits for HQ.')
})

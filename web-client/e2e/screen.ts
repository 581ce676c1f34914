import { expect, test as base, type Page } from '@playwright/test'
import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { login, password } from './world.ts'

/** What every browser test watches besides its own subject: nothing is refused by the policy, nothing breaks. */

const axe = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8')

interface Finding {
  id: string
  nodes: { target: unknown; failureSummary?: string }[]
}

export const test = base.extend<{ watched: undefined }>({
  watched: [
    async ({ page }, use) => {
      const faults: string[] = []
      page.on('pageerror', (error) => faults.push(error.message))
      page.on('console', (message) => {
        if (/Content Security Policy|\[Vue warn\]|\[intlify\]/.test(message.text()))
          faults.push(message.text())
      })
      const strangers: string[] = []
      page.on('request', (request) => {
        if (!/^(https?:\/\/127\.0\.0\.1|https?:\/\/localhost|data:|blob:)/.test(request.url()))
          strangers.push(request.url())
      })
      await page.addInitScript(axe)
      await use(undefined)
      expect(faults, 'the page works without a fault, under its policy').toEqual([])
      expect(strangers, 'the page asks nobody but its server').toEqual([])
    },
    { auto: true },
  ],
})

export { expect }

export async function signIn(page: Page, address = '/', who = login): Promise<void> {
  await page.goto(address)
  await page.getByLabel('Login').fill(who)
  await page.getByLabel('Password', { exact: true }).fill(password)
  await page.getByRole('button', { name: 'Sign in' }).click()
  await expect(page.locator('h1[tabindex]')).toBeVisible()
}

export async function expectAccessible(page: Page): Promise<void> {
  // Colours are read when nothing moves.
  await page.evaluate(async () => {
    await Promise.all(document.getAnimations().map((animation) => animation.finished.catch(() => undefined)))
  })
  const findings = await page.evaluate(async () => {
    const { axe } = window as unknown as {
      axe: { run: (options: object) => Promise<{ violations: Finding[] }> }
    }
    const tags = ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice']
    return (await axe.run({ runOnly: tags })).violations
  })
  const told = findings.map(
    ({ id, nodes }) => `${id}: ${nodes.map((node) => String(node.target)).join(', ')}`,
  )
  expect(told, 'axe finds nothing').toEqual([])
}

export async function expectNoSidewaysScroll(page: Page): Promise<void> {
  expect(await page.evaluate(() => document.documentElement.scrollWidth - innerWidth)).toBeLessThanOrEqual(0)
}

export async function picture(page: Page, name: string): Promise<void> {
  await page.screenshot({ path: `${import.meta.dirname}/results/${name}.png`, fullPage: true })
}

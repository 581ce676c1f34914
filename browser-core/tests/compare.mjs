// Every call of the corpus, in WASM, against what the native build answered. Compared as texts, to the last digit.
import { createReadStream } from 'node:fs'
import { createInterface } from 'node:readline'
import { createRequire } from 'node:module'
import { resolve } from 'node:path'

const folder = resolve(process.argv[2])
const core = createRequire(import.meta.url)(`${folder}/node/browser_core.js`)

let calls = 0
let wrong = 0
const times = []

function compare(what, native, answer) {
  calls += 1
  // The native text went through a parser too, so that only values and their order count, not spaces.
  if (JSON.stringify(JSON.parse(native)) !== JSON.stringify(answer)) {
    wrong += 1
    if (wrong < 5) console.error(`${what} differs:\n native ${native.slice(0, 500)}\n wasm   ${JSON.stringify(answer).slice(0, 500)}`)
  }
}

for await (const text of createInterface({ input: createReadStream(`${folder}/corpus.ndjson`) })) {
  const line = JSON.parse(text)
  const desk = new core.Desk(line.catalogue, line.rules, line.tenders)
  const begun = performance.now()
  const computed = desk.compute(line.cart)
  times.push(performance.now() - begun)
  compare('compute', line.computed, computed)
  if (line.settled) compare('settle', line.settled, desk.settle(computed.ok, line.payments))
  if (line.proved) {
    compare('prove', line.proved, core.prove(line.receipt.sale))
    compare('refund', line.refunded, desk.refund(line.asked, line.receipt, line.payment_ids, line.rest_tender))
    compare('void', line.voided, core.voidSale(line.receipt, line.line_ids, line.payment_ids))
    compare('exchange', line.exchanged, desk.exchange(line.cart, line.asked, line.receipt))
    const swapped = desk.exchange(line.swap, line.asked, line.receipt)
    compare('exchange', line.swapped, swapped)
    if (line.given_back) compare('give back', line.given_back, desk.giveBack(swapped.ok, line.receipt, line.payment_ids, line.rest_tender))
  }
  if (line.name) {
    const runs = []
    for (let run = 0; run < 300; run += 1) {
      const begun = performance.now()
      desk.compute(line.cart)
      runs.push(performance.now() - begun)
    }
    runs.sort((one, other) => one - other)
    console.log(`${line.name}: ${runs[150].toFixed(3)} ms in WASM`)
  }
  desk.free()
}
times.sort((one, other) => one - other)
const at = (part) => times[Math.floor((times.length - 1) * part)].toFixed(3)
console.log(`${calls} calls, ${wrong} differ; a cart takes ${at(0.5)} ms (p99 ${at(0.99)} ms) in WASM`)
if (wrong > 0 || calls < 1000) process.exit(1)

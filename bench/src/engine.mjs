// How long carts take in the browser's build: arguments are the package for Node and a file of cases. Answers for each
// case the microseconds of one computation, the best of several goes, and the total.
import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'

const [core, file] = process.argv.slice(-2)
const { Desk } = createRequire(core)(core)
const answers = JSON.parse(readFileSync(file, 'utf8')).map(({ catalogue, rules, cart }) => {
  const desk = new Desk(catalogue, rules, [])
  const { ok } = desk.compute(cart)
  if (!ok) throw new Error('the cart does not compute')
  let best = Infinity
  for (let go = 0; go < 150; go += 1) {
    const begun = performance.now()
    for (let run = 0; run < 10; run += 1) desk.compute(cart)
    best = Math.min(best, ((performance.now() - begun) * 1000) / 10)
  }
  desk.free()
  return [best, ok.total]
})
console.log(JSON.stringify(answers))

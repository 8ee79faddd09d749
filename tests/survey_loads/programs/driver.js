// Drives Node for the survey: driver.js workers|files|events.
const fs = require('fs')
const { Worker, isMainThread } = require('worker_threads')

function spin() {
  for (let sum = 0, i = 0; ; i++) sum = (sum + i * i) % 1000007
}

async function files(name) {
  const data = Buffer.alloc(64 * 1024, 'x')
  for (;;) {
    await fs.promises.writeFile(name, data)
    await fs.promises.readFile(name)
    await fs.promises.unlink(name)
  }
}

function events() {
  let sum = 0
  const turn = () => {
    for (let i = 0; i < 10000; i++) sum = (sum + i) % 1000007
    setImmediate(() => Promise.resolve().then(turn))
  }
  for (let i = 0; i < 16; i++) turn()
}

if (!isMainThread) {
  spin()
} else if (process.argv[2] === 'workers') {
  for (let i = 0; i < 4; i++) new Worker(__filename)
} else if (process.argv[2] === 'files') {
  for (let i = 0; i < 8; i++) files(`file_${i}`)
} else if (process.argv[2] === 'events') {
  events()
} else {
  console.error('driver.js: workers, files or events')
  process.exit(1)
}

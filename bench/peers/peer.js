// What the peers' programs share: commands by lines, the texts, the clock.

const fs = require('fs')
const readline = require('readline')

const say = answer => console.log(JSON.stringify(answer))

// Answer each line `NAME ARGUMENT…` with what commands[NAME](…ARGUMENTS) gives; `live` gets a way to say more later.
exports.answering = commands => {
  readline.createInterface({ input: process.stdin }).on('line', async line => {
    const [name, ...given] = line.split(' ')
    try {
      const answer = await commands[name](...(name === 'live' ? [say] : given))
      if (name === 'quit') process.exit(0)
      say(answer || {})
    } catch (error) {
      console.error(error)
      say({ error: String(error).slice(0, 300) })
    }
  })
}

// The texts first … last − 1 of the file named by CORPUS, as buffers.
exports.corpus = (first, last) => {
  const file = fs.readFileSync(process.env.CORPUS)
  const texts = []
  for (let i = 0, at = 0; i < last; i++) {
    const size = file.readUInt32LE(at)
    if (i >= first) texts.push(file.subarray(at + 4, at + 4 + size))
    at += 4 + size
  }
  return texts
}

// Seconds of the machine's monotonic clock.
exports.now = () => Number(process.hrtime.bigint()) / 1e9

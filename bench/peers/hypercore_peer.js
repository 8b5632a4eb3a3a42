// Hypercore: append-only logs with a Merkle tree, one writer each. A signature covers the tree's head, so one a batch is checked.
// Commands come as lines on standard input, one answer of JSON for each; see hypercore.py.
// Environment: PEERS_DIR (where node_modules is), CORPUS (the texts), AUTHORS (how many logs).

const Hypercore = require(process.env.PEERS_DIR + '/node_modules/hypercore')
const net = require('net')
const { answering, corpus, now } = require('./peer.js')

const AUTHORS = Number(process.env.AUTHORS)
const logs = []

// Every log shares one encrypted (Noise) stream.
function replicate (socket, initiator) {
  socket.setNoDelay(true)
  const stream = logs[0].replicate(initiator)
  for (const log of logs.slice(1)) log.replicate(stream)
  socket.pipe(stream).pipe(socket)
  for (const end of [socket, stream]) end.on('error', () => {})
}

const download = log => log.download({ start: 0, end: log.length }).done()

answering({
  // open DIRECTORY [KEY,KEY…]: our own logs, or copies of those with these keys
  async open (directory, keys) {
    const wanted = keys ? keys.split(',') : Array(AUTHORS).fill(undefined)
    for (const [i, key] of wanted.entries()) {
      const log = new Hypercore(`${directory}/${i}`, key && Buffer.from(key, 'hex'))
      await log.ready()
      logs.push(log)
    }
    return { keys: logs.map(log => log.key.toString('hex')), records: total() }
  },

  // load FIRST LAST BATCH: append these texts, so many with one signature
  async load (first, last, batch) {
    const texts = corpus(Number(first), Number(last))
    for (const [i, log] of logs.entries()) {
      const mine = texts.filter((_, j) => j % logs.length === i)
      for (let at = 0; at < mine.length; at += Number(batch)) await log.append(mine.slice(at, at + Number(batch)))
    }
    return { records: total() }
  },

  async serve () {
    const server = net.createServer(socket => replicate(socket, false))
    await new Promise(resolve => server.listen(0, '127.0.0.1', resolve))
    return { port: server.address().port }
  },

  // connect PORT: until everything the other side has is here
  async connect (port) {
    const socket = net.connect(Number(port), '127.0.0.1')
    replicate(socket, true)
    await new Promise(resolve => socket.on('connect', resolve))
    for (const log of logs) await log.update({ wait: true })
    await Promise.all(logs.map(download))
    return { records: total() }
  },

  // live: from now on a line whenever a record of the first log is here and can be read
  async live (say) {
    logs[0].on('append', async () => {
      await logs[0].get(logs[0].length - 1)
      say({ at: now() })
    })
    return {}
  },

  async publish (text) {
    const at = now()
    await logs[0].append(Buffer.from(text.padStart(1000, 'x')))
    return { at }
  },

  async quit () {
    for (const log of logs) await log.close()
  }
})

const total = () => logs.reduce((sum, log) => sum + log.length, 0)

// Sends a digest with nodemailer's pool, each message made for its reader, and prints
// what that took: node nodemailer.mjs FOLDER WORDS HOST PORT CONNECTIONS COUNT
// FOLDER is where nodemailer was installed, WORDS what letters.py writes.
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { resolve } from "node:path";

const [folder, words, host, port, connections, count] = process.argv.slice(2);
const { createTransport } = createRequire(resolve(folder, "x.js"))("nodemailer");
const { from, subject, html, text, tokens } = JSON.parse(readFileSync(words, "utf8"));
const transport = createTransport({
  host, port: Number(port), secure: false, ignoreTLS: true,
  pool: true, maxConnections: Number(connections), maxMessages: Infinity,
});

function fill(content, reader) {
  for (const [token, name] of Object.entries(tokens))
    content = content.replaceAll(token, reader[name]);
  return content;
}

function send(number) {
  const name = `Zoé Martin-${number}`;
  const link = `https://lettre.example.org/u/${number}`;
  const reader = { greeting: `Bonjour ${name},`, name, unsubscribe_url: link };
  return transport.sendMail({
    from, subject, to: { name, address: `lectrice.${number}@example.org` },
    messageId: `<${number}.bench@example.org>`, list: { unsubscribe: link },
    html: fill(html, reader), text: fill(text, reader),
    textEncoding: "quoted-printable",
  });
}

let next = 0, accepted = 0;
async function work() {
  while (next < Number(count)) {
    await send(next++);
    accepted++;
  }
}

const before = process.cpuUsage(), start = performance.now();
await Promise.all(Array.from({ length: 2 * Number(connections) }, work));
const seconds = (performance.now() - start) / 1000;
const { user, system } = process.cpuUsage(before);
transport.close();
const status = readFileSync("/proc/self/status", "utf8");
const peak = Number(/VmHWM:\s+(\d+)/.exec(status)[1]) * 1024 / 1e6;
console.log(JSON.stringify({
  accepted, seconds, cpu_s: (user + system) / 1e6, peak_mb: peak,
}));

// A TCP proxy that reads the frames which the server sends, and can lose some of them: what no real network does, and a
// client has to notice all the same.
//
// Used by the suites. It leaves what the client sends, and everything before the upgrade, as it is.

import { connect, createServer } from "node:net";

/**
 * @param {number} target the daemon's port
 * @param {(frame: any) => boolean | Buffer} passes whether a frame goes on to the client, or what goes in its place
 */
export async function startFrameProxy(target, passes) {
  const sockets = new Set();
  const seen = [];
  const server = createServer((client) => {
    const upstream = connect(target, "127.0.0.1");
    let held = Buffer.alloc(0);
    let upgraded = false;
    for (const socket of [client, upstream]) {
      sockets.add(socket);
      socket.on("error", () => {});
      socket.on("close", () => {
        sockets.delete(socket);
        client.destroy();
        upstream.destroy();
      });
    }
    client.on("data", (chunk) => upstream.write(chunk));
    upstream.on("data", (chunk) => {
      held = Buffer.concat([held, chunk]);
      if (!upgraded) {
        const end = held.indexOf("\r\n\r\n");
        if (end < 0) return;
        upgraded = held.subarray(0, end).toString().startsWith("HTTP/1.1 101");
        const head = upgraded ? end + 4 : held.length;
        client.write(held.subarray(0, head));
        held = held.subarray(head);
        if (!upgraded) return;
      }
      for (let size; (size = frameSize(held)) > 0 && held.length >= size; ) {
        const frame = held.subarray(0, size);
        held = held.subarray(size);
        const on = goesOn(frame);
        if (on) client.write(on === true ? frame : on);
      }
    });
  });
  /** Text frames are asked about; the daemon sends each in one piece. */
  function goesOn(frame) {
    if ((frame[0] & 15) !== 1) return true;
    const told = JSON.parse(frame.subarray(headSize(frame)).toString());
    seen.push(told);
    return passes(told);
  }
  await new Promise((done, failed) => {
    server.once("error", failed);
    server.listen(0, "127.0.0.1", done);
  });
  return {
    url: `http://127.0.0.1:${server.address().port}`,
    seen,
    async stop() {
      for (const socket of sockets) socket.destroy();
      await new Promise((done) => server.close(done));
    },
  };
}

function headSize(bytes) {
  const short = bytes[1] & 127;
  return short < 126 ? 2 : short === 126 ? 4 : 10;
}

/** The whole frame's, or 0 while its head is not there. */
function frameSize(bytes) {
  if (bytes.length < 2 || bytes.length < headSize(bytes)) return 0;
  const short = bytes[1] & 127;
  const payload = short < 126 ? short : short === 126 ? bytes.readUInt16BE(2) : Number(bytes.readBigUInt64BE(2));
  return headSize(bytes) + payload;
}

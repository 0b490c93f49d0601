// Post transcripts to Overt from JavaScript. No package is needed: copy this file (Node 18 or later).
//
//   const answer = await postEpisode({external_id: "run-42/7", messages: [...]});
//
// OVERT_URL and OVERT_TOKEN say where to. The body may as well be any other format that Overt reads.

const url = () => (process.env.OVERT_URL ?? "http://127.0.0.1:8080").replace(/\/$/, "");
const pause = (seconds) => new Promise((done) => setTimeout(done, seconds * 1000));

/** Stores and judges one episode. What it resolves to is on the server's disk. */
export async function postEpisode(episode, {attempts = 8} = {}) {
  for (let attempt = 1; ; attempt++) {
    let response;
    try {
      response = await fetch(`${url()}/v1/episodes`, {
        method: "POST",
        headers: {
          "content-type": "application/json",
          authorization: `Bearer ${process.env.OVERT_TOKEN}`,
        },
        body: JSON.stringify(episode),
        signal: AbortSignal.timeout(30_000),
      });
    } catch (error) {
      // The same request is safe to send again: the name and the content identify it.
      if (attempt >= attempts) throw error;
      await pause(Math.min(2 ** attempt / 8, 10));
      continue;
    }
    if (response.ok) return await response.json();
    if (attempt >= attempts || ![408, 429, 503].includes(response.status)) {
      const problem = await response.json().catch(() => ({}));
      throw new Error(`${response.status}: ${problem.title ?? ""} ${problem.detail ?? ""}`);
    }
    await pause(Number(response.headers.get("retry-after") ?? 1));
  }
}

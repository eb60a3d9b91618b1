// Lets a long async computation give way: messages, timers and other tasks of the realm run before it goes on.
// Awaiting a resolved promise does not do this, and nested timers are held back by 4 ms; a message is neither.

/** Resolves in a later task, after messages that are already waiting. */
export function nextEventTurn(): Promise<void> {
  return new Promise((resolve) => {
    const { port1, port2 } = new MessageChannel();
    port1.onmessage = () => {
      port1.close();
      resolve();
    };
    port2.postMessage(null);
  });
}

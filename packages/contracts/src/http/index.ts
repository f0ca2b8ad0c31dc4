// What our HTTP servers share. Server side only: browsers never import it.
export { drainServer } from "./drain-server.ts";
export { listenLocally } from "./listen-locally.ts";

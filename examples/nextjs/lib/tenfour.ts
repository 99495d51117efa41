/** The daemon, as this application's server talks to it. For the server alone: it knows the secret. */
import "server-only";
import { TenfourServer } from "@tenfour/server";

/** Where browsers and this server reach the daemon. */
export const TENFOUR_URL = process.env.TENFOUR_URL ?? "http://127.0.0.1:8080";

export const tenfour = new TenfourServer({ url: TENFOUR_URL, secret: process.env.TENFOUR_JWT_SECRET ?? "" });

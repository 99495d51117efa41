/** The daemon, as this application's server talks to it. For the server alone: it knows the secret. */
import "server-only";
import { TenfourServer } from "@tenfour/server";

const { TENFOUR_URL: url, TENFOUR_JWT_SECRET: secret } = process.env;
if (!url || !secret) throw new Error("TENFOUR_URL and TENFOUR_JWT_SECRET have to be set");

export const tenfour = new TenfourServer({ url, secret });

import { createTokenHandler } from "@tenfour/server";
import { currentUser } from "@/lib/session";

export const GET = createTokenHandler({ secret: process.env.TENFOUR_JWT_SECRET!, getUser: currentUser });

import { tokenRoute } from "@tenfour/server";
import { currentUser } from "@/lib/session";

export const GET = tokenRoute({ user: currentUser });

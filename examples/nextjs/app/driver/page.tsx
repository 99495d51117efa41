import { redirect } from "next/navigation";
import { Cab } from "@/components/cab";
import { Frame } from "@/components/frame";
import { currentUser } from "@/lib/session";

export default async function Page() {
  const user = await currentUser();
  if (user?.role !== "driver") redirect("/");
  return (
    <Frame user={user}>
      <Cab />
    </Frame>
  );
}

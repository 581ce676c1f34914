import { defineStore } from 'pinia'
import { computed, ref } from 'vue'
import type { SessionKeeper, User } from '@/api/session-keeper'

/** Who is signed in. The tokens stay with the session keeper; this is what screens may know. */
export const useSession = defineStore('session', () => {
  const user = ref<User | null>(null)

  function follow(keeper: SessionKeeper): void {
    user.value = keeper.current()?.user ?? null
    keeper.onChange((session) => {
      user.value = session?.user ?? null
    })
  }

  /** The server decides; this only keeps a screen from asking for what it would be refused. */
  function may(permission: string): boolean {
    const permissions: readonly string[] | undefined = user.value?.permissions
    return permissions === undefined || permissions.includes(permission)
  }

  return { user, isSignedIn: computed(() => user.value !== null), follow, may }
})

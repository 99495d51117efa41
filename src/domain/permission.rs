//! Who may do what in a channel. The only place where a role decides anything.
//!
//! | action | member | admin | owner |
//! | --- | --- | --- | --- |
//! | read, send, type, mark as read, leave | yes | yes | yes |
//! | react to a message, for oneself | yes | yes | yes |
//! | answer an instruction, for oneself | if it is for them | if it is for them | if it is for them |
//! | edit a message | own | own | own |
//! | read what a message said before | where the channel shows it | yes | yes |
//! | delete a message | own | any | any |
//! | rename, add members, show what messages said before | no | yes | yes |
//! | remove a member | no | members | members, admins, owners |
//! | change a role | no | no | yes |
//!
//! A direct channel has two owners of nothing: its members and name do not change, whoever asks. The host
//! application's server (scope `admin`, acting as nobody) may do what an owner may, and delete but neither edit, react nor answer. It decides
//! also of a direct channel who reads what messages said before, and it alone decides how long messages are kept.

use super::channel::{ChannelKind, Role};

/// Who asks: a member with a role, or the host application's server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Asker {
    Member(Role),
    Host,
}

/// What is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action {
    React,
    /// `assigned`: the instruction is for the asker.
    Answer {
        assigned: bool,
    },
    EditMessage {
        own: bool,
    },
    DeleteMessage {
        own: bool,
    },
    /// `open`: the channel shows them to its members.
    ReadRevisions {
        open: bool,
    },
    ShowRevisions,
    SetRetention,
    Rename,
    AddMembers,
    /// Of somebody else.
    RemoveMember {
        role: Role,
    },
    Leave,
    ChangeRole,
}

/// May `asker` do `action` in a channel of this `kind`?
pub fn allows(asker: Asker, action: Action, kind: ChannelKind) -> bool {
    let of_messages = matches!(
        action,
        Action::React
            | Action::Answer { .. }
            | Action::EditMessage { .. }
            | Action::DeleteMessage { .. }
            | Action::ReadRevisions { .. }
    );
    if kind == ChannelKind::Direct
        && !of_messages
        && !(asker == Asker::Host && matches!(action, Action::ShowRevisions | Action::SetRetention))
    {
        return false;
    }
    if action == Action::SetRetention {
        return asker == Asker::Host;
    }
    let role = match asker {
        Asker::Host => return !matches!(action, Action::React | Action::Answer { .. } | Action::EditMessage { .. }),
        Asker::Member(role) => role,
    };
    match action {
        Action::EditMessage { own } => own,
        Action::Answer { assigned } => assigned,
        Action::DeleteMessage { own } => own || role >= Role::Admin,
        Action::ReadRevisions { open } => open || role >= Role::Admin,
        Action::React | Action::Leave => true,
        Action::ShowRevisions | Action::Rename | Action::AddMembers => role >= Role::Admin,
        Action::RemoveMember { role: theirs } => match role {
            Role::Member => false,
            Role::Admin => theirs == Role::Member,
            Role::Owner => true,
        },
        Action::ChangeRole => role == Role::Owner,
        Action::SetRetention => false,
    }
}

#[cfg(test)]
mod tests {
    use super::Asker::{Host, Member};
    use super::*;

    #[test]
    fn the_table_above_is_what_is_decided() {
        use Role::{Admin, Member as Plain, Owner};
        let removal = |role| Action::RemoveMember { role };
        for (action, plain, admin, owner) in [
            (Action::React, true, true, true),
            (Action::Answer { assigned: true }, true, true, true),
            (Action::Answer { assigned: false }, false, false, false),
            (Action::EditMessage { own: true }, true, true, true),
            (Action::EditMessage { own: false }, false, false, false),
            (Action::DeleteMessage { own: true }, true, true, true),
            (Action::DeleteMessage { own: false }, false, true, true),
            (Action::ReadRevisions { open: true }, true, true, true),
            (Action::ReadRevisions { open: false }, false, true, true),
            (Action::ShowRevisions, false, true, true),
            (Action::Rename, false, true, true),
            (Action::AddMembers, false, true, true),
            (removal(Plain), false, true, true),
            (removal(Admin), false, false, true),
            (removal(Owner), false, false, true),
            (Action::ChangeRole, false, false, true),
            (Action::Leave, true, true, true),
        ] {
            for (role, expected) in [(Plain, plain), (Admin, admin), (Owner, owner)] {
                assert_eq!(allows(Member(role), action, ChannelKind::Group), expected, "{role} {action:?}");
            }
        }
    }

    #[test]
    fn nothing_changes_who_is_in_a_direct_channel() {
        for action in [Action::Rename, Action::AddMembers, Action::Leave, Action::ChangeRole] {
            assert!(!allows(Host, action, ChannelKind::Direct));
            assert!(!allows(Member(Role::Owner), action, ChannelKind::Direct));
        }
    }

    #[test]
    fn of_a_direct_channel_the_host_alone_decides_who_reads_what_messages_said() {
        assert!(allows(Host, Action::ShowRevisions, ChannelKind::Direct));
        assert!(!allows(Member(Role::Owner), Action::ShowRevisions, ChannelKind::Direct));
        for (open, member) in [(true, true), (false, false)] {
            assert_eq!(allows(Member(Role::Member), Action::ReadRevisions { open }, ChannelKind::Direct), member);
            assert!(allows(Host, Action::ReadRevisions { open }, ChannelKind::Direct));
        }
    }

    #[test]
    fn the_host_deletes_but_puts_words_into_nobodys_mouth() {
        assert!(allows(Host, Action::DeleteMessage { own: false }, ChannelKind::Group));
        for kind in [ChannelKind::Group, ChannelKind::Direct] {
            assert!(!allows(Host, Action::EditMessage { own: false }, kind));
            assert!(!allows(Host, Action::React, kind));
            assert!(!allows(Host, Action::Answer { assigned: true }, kind));
            assert!(allows(Member(Role::Member), Action::React, kind));
        }
    }
}

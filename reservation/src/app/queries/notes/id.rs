//! Short descriptions of events in Indonesian. Part of [`super`].

use chrono::{DateTime, Utc};
use contract::values::LocalTime;
use events::event::{
    Detail, Event, GuestAnswer, GuestQuestion, OverruledRule, PaymentRequested, Refund, ReservationAffected,
    StandSilence, UndoneChange, VenueChanged, VenueClosed, VenueRulesChanged,
};
use events::imports::ImportedStatus;
use events::values::{Initiator, Medium, Purpose, ReleaseCause};
use events::venue_events;

use super::en;

fn imported_status(status: ImportedStatus) -> &'static str {
    match status {
        ImportedStatus::Confirmed => "sudah dikonfirmasi",
        ImportedStatus::Completed => "sudah selesai",
        ImportedStatus::Cancelled => "dibatalkan",
        ImportedStatus::NoShow => "tamunya tidak datang",
    }
}

/// The time of something that was reported later.
fn later(occurred_at: Option<DateTime<Utc>>, at: &dyn Fn(DateTime<Utc>) -> LocalTime) -> String {
    occurred_at
        .map(|occurred_at| format!("; dilaporkan kemudian: terjadi pukul {}", at(occurred_at)))
        .unwrap_or_default()
}

/// Why a no-show was recorded after its deadline.
fn silence(silence: Option<StandSilence>, at: &dyn Fn(DateTime<Utc>) -> LocalTime) -> String {
    let Some(StandSilence { from, to }) = silence else { return String::new() };
    let to = to.map(|to| format!(" sampai {}", at(to))).unwrap_or_default();
    format!(
        "; dicatat terlambat karena tidak ada perangkat penerima tamu yang terhubung dari {}{to}",
        at(from)
    )
}

/// A short description of an event in Indonesian. `at` writes a time as local time of the venue.
pub(super) fn note(event: &Event, at: &dyn Fn(DateTime<Utc>) -> LocalTime) -> String {
    match event {
        Event::ReservationCreated(e) => {
            let what = match &e.imported {
                Some(imported) => {
                    let source = e.source.as_deref().unwrap_or("sistem lain");
                    format!("Diimpor dari {source}: reservasi yang {}", imported_status(imported.status))
                }
                None => if e.walk_in { "Tamu tanpa reservasi" } else { "Reservasi diminta" }.to_owned(),
            };
            format!("{what} untuk {} orang, {}", e.party_size, at(e.window.start))
        }
        Event::ReservationConfirmed(e) if e.deposit_waived => "Dikonfirmasi; tanpa kewajiban deposit".into(),
        Event::ReservationConfirmed(e) => format!("Dikonfirmasi untuk {}", at(e.window.start)),
        Event::ReservationRescheduled(e) => {
            let by = e.moved_by.map(|by| format!(" oleh {}", side(by))).unwrap_or_default();
            format!("Dipindahkan{by} dari {} ke {}", at(e.from.start), at(e.to.start))
        }
        Event::PartySizeChanged(e) => {
            let longer = e.window.map(|w| format!("; kunjungan berakhir {}", at(w.end))).unwrap_or_default();
            format!("Jumlah tamu berubah dari {} menjadi {}{longer}{}", e.from, e.to, back(e.refund))
        }
        Event::ReservationCheckedIn(e) => format!("Tamu datang{}", later(e.occurred_at, at)),
        Event::ReservationCompleted(e) => format!("Tamu pulang{}", later(e.occurred_at, at)),
        Event::ReservationCancelled(e) => {
            let closure =
                if e.closure_id.is_some() { " bersama semua reservasi akibat penutupan" } else { "" };
            format!("Dibatalkan oleh {}{closure}: {}{}", side(e.cancelled_by), e.reason_code, back(e.refund))
        }
        Event::ReservationNoShow(e) => {
            let fee = e.fee.map(|fee| format!("; biaya ketidakhadiran {}", fee.plain())).unwrap_or_default();
            format!("Tamu tidak datang{fee}{}{}", back(e.refund), silence(e.stand_silence, at))
        }
        Event::NotificationSent(e) => {
            format!("Pesan terkirim kepada tamu lewat {}: {}", medium(e.medium), e.template)
        }
        Event::NotificationFailed(e) => {
            let (medium, template) = (medium(e.medium), &e.template);
            format!("Pesan kepada tamu lewat {medium} gagal: {template} ({})", e.reason_code)
        }
        Event::DetailsChanged(e) => {
            let details: Vec<_> = e.changed.iter().map(|detail| detail_words(*detail)).collect();
            format!("Diperbaiki: {}", details.join(", "))
        }
        Event::ReservationAffected(e) => note_of_mark(e),
        venue_events!() => note_of_venue(event),
        Event::GuestLinkRenewed(_) => "Tamu mendapat tautan baru; yang lama tidak berlaku".into(),
        Event::TableAssigned(_)
        | Event::TableReleased(_)
        | Event::VisitEndChanged(_)
        | Event::RulesOverruled(_)
        | Event::ReservationUndone(_)
        | Event::GuestAsked(_)
        | Event::GuestAnswered(_) => note_of_host(event, at),
        Event::ContactProofRequested(_)
        | Event::ContactProved(_)
        | Event::ContactRead(_)
        | Event::ContactErased(_) => note_of_contact(event, at),
        Event::PaymentRequested(_)
        | Event::PaymentCompleted(_)
        | Event::PaymentFailed(_)
        | Event::PaymentRefunded(_) => note_of_payment(event, at),
        other => note_of_waitlist(other, at),
    }
}

/// A short description of what happened to a party on the waitlist. Guests and hosts do not read the other events, which are
/// described in English.
fn note_of_waitlist(event: &Event, at: &dyn Fn(DateTime<Utc>) -> LocalTime) -> String {
    match event {
        Event::WaitlistJoined(e) => {
            format!("Masuk daftar tunggu untuk {} orang, mulai {}", e.party_size, at(e.acceptable.start))
        }
        Event::WaitlistOffered(e) => {
            format!("Meja ditawarkan untuk {}, sampai {}", at(e.window.start), at(e.expires_at))
        }
        Event::WaitlistWithdrawn(e) => format!("Tawaran ditarik kembali: {}", e.reason_code),
        Event::WaitlistAccepted(e) => format!("Tawaran menjadi reservasi {}", e.reservation_id),
        Event::WaitlistLeft(e) => format!("Keluar dari daftar tunggu: {}", e.reason_code),
        other => en::note(other, at),
    }
}

/// A short description of what happened to a contact.
fn note_of_contact(event: &Event, at: &dyn Fn(DateTime<Utc>) -> LocalTime) -> String {
    match event {
        Event::ContactProofRequested(e) => {
            format!("Tamu diminta membuktikan kontaknya sampai {}, lewat email", at(e.expires_at))
        }
        Event::ContactProved(_) => "Tamu sudah membuktikan kontaknya".into(),
        Event::ContactRead(_) => "Data pribadi dibaca".into(),
        Event::ContactErased(e) => format!("Data pribadi dihapus: {}", e.reason_code),
        _ => "Peristiwa kontak".into(),
    }
}

/// A short description of what a host did with tables or took back.
fn note_of_host(event: &Event, at: &dyn Fn(DateTime<Utc>) -> LocalTime) -> String {
    match event {
        Event::TableAssigned(e) => {
            format!("Meja {} diberikan ({}, {} kursi)", e.table_id, e.area, e.capacity)
        }
        Event::TableReleased(e) => match e.cause {
            ReleaseCause::Swapped => format!("Meja {} ditukar dengan tamu lain", e.table_id),
            ReleaseCause::Overruled => {
                format!("Meja {} dialihkan: tamu sebelumnya duduk lebih lama", e.table_id)
            }
            _ => format!("Meja {} dikosongkan", e.table_id),
        },
        Event::VisitEndChanged(e) => {
            format!("Kunjungan berakhir {}, sebelumnya {}", at(e.to.end), at(e.from.end))
        }
        Event::RulesOverruled(e) => {
            let rules: Vec<_> = e.rules.iter().map(|rule| rule_words(*rule)).collect();
            format!("Aturan dikesampingkan oleh restoran: {} ({})", rules.join(", "), e.reason_code)
        }
        Event::ReservationUndone(e) => {
            let fee =
                e.withdrawn_fee.map(|fee| format!("; biaya ketidakhadiran {} dihapus", fee.amount.plain()));
            let (undone, fee) = (undone_words(e.undone), fee.unwrap_or_default());
            format!("{undone} diurungkan: {}{fee}{}", e.reason_code, back(e.refund))
        }
        Event::GuestAsked(e) => match e.question {
            GuestQuestion::TableReady => "Tamu diberi tahu bahwa meja sudah siap".into(),
            GuestQuestion::StillComing => "Tamu ditanya apakah jadi datang".into(),
        },
        Event::GuestAnswered(e) => {
            let late = e.late_minutes.map(|minutes| format!(", {minutes} menit")).unwrap_or_default();
            match e.answer {
                GuestAnswer::Coming => "Jawaban tamu: datang".into(),
                GuestAnswer::Late => format!("Jawaban tamu: terlambat{late}"),
                GuestAnswer::NotComing => "Jawaban tamu: tidak datang".into(),
            }
        }
        _ => "Peristiwa meja".into(),
    }
}

/// A short description of a mark.
fn note_of_mark(e: &ReservationAffected) -> String {
    match (&e.reason, e.closure_id) {
        (Some(reason), Some(_)) => format!("Terdampak penutupan: {reason}"),
        (Some(reason), None) => format!("Tidak sesuai dengan aturan versi {}: {reason}", e.rules_version),
        (None, _) => format!("Sesuai dengan aturan versi {}", e.rules_version),
    }
}

/// A short description of an event of a venue.
fn note_of_venue(event: &Event) -> String {
    match event {
        Event::VenueChanged(VenueChanged { version, stranded_count, .. })
        | Event::VenueRulesChanged(VenueRulesChanged { version, stranded_count, .. }) => match stranded_count
        {
            0 => format!("Aturan berubah menjadi versi {version}"),
            n => format!("Aturan berubah menjadi versi {version}; {n} reservasi mendatang tidak sesuai"),
        },
        Event::VenueClosed(e) => {
            let VenueClosed { from, to, reason_code, stranded_count, .. } = e;
            format!("Ditutup {from} sampai {to}: {reason_code}; {stranded_count} reservasi terdampak")
        }
        Event::CancellationsOrdered(e) => {
            format!("Pembatalan {} reservasi akibat penutupan diperintahkan", e.stranded_count)
        }
        Event::ClosureLifted(_) => "Penutupan dicabut".into(),
        Event::RequestsRefused(e) => {
            let n: u32 = e.counts.iter().map(|count| count.requests).sum();
            format!("{n} permintaan tempat ditolak")
        }
        _ => "Peristiwa restoran".into(),
    }
}

/// A short description of an event of a payment.
fn note_of_payment(event: &Event, at: &dyn Fn(DateTime<Utc>) -> LocalTime) -> String {
    match event {
        Event::PaymentRequested(PaymentRequested { amount, channel, replaces: Some(_), .. }) => {
            let channel = channel.as_deref().map(|channel| format!(" lewat {channel}")).unwrap_or_default();
            format!("Deposit {} diminta ulang{channel}", amount.plain())
        }
        Event::PaymentRequested(e) => {
            let what = if e.purpose == Purpose::NoShowFee { "Biaya ketidakhadiran" } else { "Deposit" };
            format!("{what} {} harus dibayar sebelum {}", e.amount.plain(), at(e.expires_at))
        }
        Event::PaymentCompleted(e) => {
            let refund = match e.refund {
                Some(refund) if refund.amount == e.amount => "; terlambat, akan dikembalikan".to_owned(),
                refund => back(refund),
            };
            format!("{} diterima lewat {} ({}){refund}", e.amount.plain(), e.channel, e.provider_reference)
        }
        Event::PaymentFailed(e) => format!("Pembayaran gagal: {}", e.reason_code),
        Event::PaymentRefunded(e) => format!("{} dikembalikan ({})", e.amount.plain(), e.provider_reference),
        _ => "Peristiwa pembayaran".into(),
    }
}

fn detail_words(detail: Detail) -> &'static str {
    match detail {
        Detail::Name => "nama",
        Detail::Phone => "nomor telepon",
        Detail::Email => "email",
        Detail::TablePreference => "meja yang diinginkan",
        Detail::SpecialRequests => "permintaan khusus",
        Detail::Allergies => "alergi",
        Detail::HighChairs => "kursi bayi",
        Detail::StaffNotes => "catatan staf",
        Detail::Tags => "label",
    }
}

fn undone_words(change: UndoneChange) -> &'static str {
    match change {
        UndoneChange::CheckIn => "Check-in",
        UndoneChange::Completion => "Status selesai",
        UndoneChange::NoShow => "Status tidak datang",
        UndoneChange::Cancellation => "Pembatalan",
    }
}

fn rule_words(rule: OverruledRule) -> &'static str {
    match rule {
        OverruledRule::Pacing => "terlalu banyak tamu datang bersamaan",
        OverruledRule::TooLate => "terlalu mendadak",
        OverruledRule::TooSoon => "terlalu jauh hari sebelumnya",
        OverruledRule::PartyTooLarge => "rombongan terlalu besar",
        OverruledRule::MinParty => "rombongan terlalu kecil untuk meja",
        OverruledRule::WalkInShare => "meja untuk tamu tanpa reservasi",
        OverruledRule::NextParty => "meja tamu berikutnya",
    }
}

fn side(by: Initiator) -> &'static str {
    match by {
        Initiator::Guest => "tamu",
        Initiator::Staff => "restoran",
        Initiator::System => "sistem",
    }
}

fn back(refund: Option<Refund>) -> String {
    refund.map(|refund| format!("; {} akan dikembalikan", refund.amount.plain())).unwrap_or_default()
}

fn medium(medium: Medium) -> &'static str {
    match medium {
        Medium::Mail => "email",
        Medium::Sms => "SMS",
    }
}

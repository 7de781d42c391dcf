//! The words of the notifier.

use crate::words::words;

words! {
    /// The status of a payment.
    open PaymentStatus {
        /// The guest has not decided.
        Pending = "pending",
        /// The guest paid.
        Paid = "paid",
        /// The guest refused to pay.
        Refused = "refused",
        /// The guest did not pay in time.
        Expired = "expired",
        /// A part of it was refunded.
        PartlyRefunded = "partly_refunded",
        /// All of it was refunded.
        Refunded = "refunded",
    }

    /// The kind of an effect.
    open EffectKind {
        /// Request a payment from the guest.
        TakeDeposit = "take_deposit",
        /// Close the open payments of a reservation.
        ClosePayments = "close_payments",
        /// Store the new link to pay for the open payments of a reservation.
        RenewPayLinks = "renew_pay_links",
        /// Send the current message again, because the address of the guest was corrected.
        SendAgain = "send_again",
        /// Refund a payment.
        Refund = "refund",
        /// Send a message to the guest.
        Message = "message",
        /// Send a message to a member of staff.
        StaffMessage = "staff_message",
        /// Report the result of a payment to the reservation service.
        PostPayment = "post_payment",
        /// Report the result of a message to the reservation service.
        PostNotification = "post_notification",
        /// Send an event to a webhook subscriber.
        TellHook = "tell_hook",
        /// Erase the copies of the messages to a guest.
        EraseCopies = "erase_copies",
        /// Process an event that could not be decoded when it was read.
        React = "react",
    }

    /// The status of an effect.
    open EffectStatus {
        /// It will be tried.
        Waiting = "waiting",
        /// It was made.
        Done = "done",
        /// It was no longer needed.
        Skipped = "skipped",
        /// It failed permanently: a dead letter.
        Dead = "dead",
        /// An operator discarded it.
        Discarded = "discarded",
    }

    /// The state of a circuit breaker.
    open BreakerState {
        /// Requests are made.
        Closed = "closed",
        /// It kept failing, and no requests are made for some time.
        Open = "open",
        /// One effect probes it.
        HalfOpen = "half_open",
    }

    /// The status of a webhook subscription.
    open SubscriptionStatus {
        /// It gets events.
        Enabled = "enabled",
        /// Its receiver responded 410, and it gets no events until an operator enables it.
        Disabled = "disabled",
    }

    /// A webhook of a payment provider that changed nothing.
    closed Unused {
        /// The event requires no action.
        Ignored = "ignored",
    }

    /// A kind of difference between the records of a payment.
    open DifferenceKind {
        /// The provider has more than one payment for one request.
        ChargedTwice = "charged_twice",
        /// The provider has a payment that is unknown to the booking.
        MoneyWithoutTable = "money_without_table",
        /// The booking has a payment that is unknown to the provider.
        TableWithoutMoney = "table_without_money",
        /// Both have the payment, with different amounts.
        AmountDiffers = "amount_differs",
        /// The refunded amounts differ.
        RefundDiffers = "refund_differs",
        /// A refund is due and was not made.
        RefundOutstanding = "refund_outstanding",
        /// The effect log differs from the provider, which agrees with the booking.
        JournalDiffers = "journal_differs",
    }

    /// The format of a reconciliation.
    closed ReportFormat {
        /// For programs, with the counts.
        Json = "json",
        /// Only the differences.
        Csv = "csv",
    }

    /// The decision of a guest at the simulated provider.
    closed Decision {
        /// The guest pays.
        Paid = "paid",
        /// The guest does not pay.
        Refused = "refused",
    }
}

package rooms;

/** A booking that breaks a rule; the message says which. */
public final class BookingRefused extends RuntimeException {
    private static final long serialVersionUID = 1L;

    public BookingRefused(String message) {
        super(message);
    }
}

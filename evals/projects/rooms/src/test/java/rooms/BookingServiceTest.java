package rooms;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static rooms.Times.at;

import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

class BookingServiceTest {
    private final MemoryStore store = new MemoryStore();
    private final BookingService service = new BookingService(store);

    @BeforeEach
    void addRooms() {
        store.addRoom(new Room("blue", 4));
        store.addRoom(new Room("red", 12));
    }

    private static void refused(String message, Runnable work) {
        assertEquals(message, assertThrows(BookingRefused.class, work::run).getMessage());
    }

    @Test
    void booksOneAfterTheOther() {
        Booking first = service.book("blue", at("09:00", "10:00"), "Ada", 2);
        Booking second = service.book("blue", at("10:00", "11:00"), "Bob", 4);
        assertEquals("b1", first.id());
        assertEquals("b2", second.id());
    }

    @Test
    void refusesWhatIsTaken() {
        service.book("blue", at("09:00", "10:00"), "Ada", 2);
        refused("blue is taken by Ada", () -> service.book("blue", at("09:59", "11:00"), "Bob", 2));
        service.book("red", at("09:30", "11:00"), "Bob", 2);
    }

    @Test
    void refusesMorePeopleThanSeats() {
        refused("blue has only 4 seats", () -> service.book("blue", at("09:00", "10:00"), "Ada", 5));
    }

    @Test
    void refusesRoomsAndBookingsThatAreNotThere() {
        refused("there is no room green", () -> service.book("green", at("09:00", "10:00"), "Ada", 1));
        refused("there is no booking b9", () -> service.cancel("b9"));
    }

    @Test
    void refusesWholeDays() {
        refused("a booking lasts at most 8 hours", () -> service.book("blue", at("08:00", "16:01"), "Ada", 1));
    }

    @Test
    void movesWithinItsOwnTime() {
        Booking booking = service.book("blue", at("09:00", "10:00"), "Ada", 2);
        assertEquals(at("09:30", "10:30"), service.move(booking.id(), at("09:30", "10:30")).time());
    }

    @Test
    void cancelFreesTheRoom() {
        service.cancel(service.book("blue", at("09:00", "10:00"), "Ada", 2).id());
        service.book("blue", at("09:00", "10:00"), "Bob", 2);
    }
}
